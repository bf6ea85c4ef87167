import { currency } from "./settings.js";
import { isRightToLeft, language } from "./texts.js";

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

/** A time of the day with its seconds, such as 12:03:10. */
export const asExactClock = (date) => clockWithSeconds.format(date);

/** The last part of an order's number, which is called out: 003 of ORD_20261130_003. */
export const shortNumber = (number) => number.split("_").pop();
