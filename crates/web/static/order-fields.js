import { language } from "./texts.js";

const dateTime = new Intl.DateTimeFormat(language, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", numberingSystem: "latn",
});
const exact = new Intl.DateTimeFormat(language, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", numberingSystem: "latn",
});

/** A day with its time. */
export const asDateTime = (time) => dateTime.format(new Date(time));

/** The same to the second. */
export const asExactDateTime = (time) => exact.format(new Date(time));

const STATUSES = ["received", "cooking", "ready", "completed", "cancelled"];

/** The names of a row's fields. */
export const orderColumns = [
  "order_number", "status", "order_type", "customer_name", "table_number", "delivery_address", "items",
  "total_amount", "priority", "processed_by", "created_at", ...STATUSES.map((status) => `${status}_at`),
];

/** An order as a row of a file. */
export const orderRow = (order) => [
  order.order_number, order.status, order.order_type, order.customer_name, order.table_number,
  order.delivery_address, order.items.map(({ name, quantity }) => `${quantity} × ${name}`).join("; "),
  order.total_amount.toFixed(2), order.priority, order.processed_by, order.created_at,
  ...STATUSES.map((status) => order.times[status]),
];
