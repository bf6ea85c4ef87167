/**
 * A table as CSV (RFC 4180): rows end with CR LF, and a field with a comma, a quote or a line break is
 * quoted. A mark at the begin tells spreadsheets that it is UTF-8.
 */
export const asCsv = (rows) => `\ufeff${rows.map((row) => `${row.map(field).join(",")}\r\n`).join("")}`;

/**
 * What begins like a formula is one to a spreadsheet, and guests write what they like. An apostrophe
 * before it makes it a text. Spaces and invisible characters before it change nothing.
 */
const FORMULA = /^[\s\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]|^[\t\r\n]/u;

function field(value) {
  let text = value === null || value === undefined ? "" : String(value);
  if (typeof value === "string" && FORMULA.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
