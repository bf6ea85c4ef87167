import { isRightToLeft, language } from "./texts.js";

const unit = (unit) => new Intl.NumberFormat(language, {
  style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0, numberingSystem: "latn",
});
const seconds = unit("second");
const minutes = unit("minute");
const hours = unit("hour");
const days = unit("day");

/** A duration for people, such as "12 min". */
export const asDuration = (length) => inWords(Math.max(0, length), Math.floor);

/** The same for "at most": rounded up, and a second or more. */
export const asLongestDuration = (length) => inWords(Math.max(1, length), Math.ceil);

function inWords(length, round) {
  const whole = round(length);
  if (whole < 90) return isolated(seconds.format(whole));
  if (whole < 90 * 60) return isolated(minutes.format(round(whole / 60)));
  if (whole < 36 * 3600) return isolated(hours.format(round(whole / 3600)));
  return isolated(days.format(round(whole / 86400)));
}

const isolated = (text) => (isRightToLeft ? `\u2068${text}\u2069` : text);
