import { currency } from "./settings.js";
import { isRightToLeft, language } from "./texts.js";

const MINUTE_MS = 60_000;

const money = new Intl.NumberFormat(language, {
  style: "currency", currency, currencyDisplay: "narrowSymbol", numberingSystem: "latn",
});
const clock = new Intl.DateTimeFormat(language, {
  hour: "2-digit", minute: "2-digit", hourCycle: "h23", numberingSystem: "latn",
});
const clockWithSeconds = new Intl.DateTimeFormat(language, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", numberingSystem: "latn",
});

/** An amount in the restaurant's currency. It reads from left to right in every language. */
export function asMoney(amount) {
  const text = money.format(amount);
  return isRightToLeft ? `\u2066${text.replace(/[\u200e\u200f]/g, "")}\u2069` : text;
}

/** A time of the day, such as 12:03. */
export const asClock = (date) => clock.format(date);

/** The same, never before that time: 12:04 for 12:03:10. */
export const asClockAfter = (date) => clock.format(Math.ceil(date / MINUTE_MS) * MINUTE_MS);

/** A time of the day with its seconds, such as 12:03:10. */
export const asExactClock = (date) => clockWithSeconds.format(date);

/** The last part of an order's number, which is called out: 003 of ORD_20261130_003. */
export const shortNumber = (number) => number.split("_").pop();
