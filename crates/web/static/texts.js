/** The words of the page's language. The shell names their file, so only one is loaded. */
const { default: words } = await import(
  new URL(document.documentElement.dataset.texts, document.baseURI)
);

export const language = document.documentElement.lang;
export const isRightToLeft = document.documentElement.dir === "rtl";
const plural = new Intl.PluralRules(language);

/**
 * The text of a key, with its {values} filled in. If `values.n` is a number, the key's plural form
 * is taken where it has some, such as "basket.items.one"; "….zero" also where the language has no
 * such form.
 */
export function t(key, values = {}) {
  let text = words[key];
  if (typeof values.n === "number") {
    const form = values.n === 0 && has(`${key}.zero`) ? "zero" : plural.select(values.n);
    text = words[`${key}.${form}`] ?? words[`${key}.other`] ?? text;
  }
  return (text ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? isolated(values[name]) : whole));
}

/**
 * A value keeps its own direction, whatever stands around it (Unicode Bidirectional Algorithm,
 * first strong isolate).
 */
function isolated(value) {
  return isRightToLeft && typeof value === "string" ? `\u2068${value}\u2069` : value;
}

/** Whether there is a text for a key. */
export function has(key) {
  return key in words;
}
