import { load, save } from "./storage.js";

const KEY = "restaurant.orders";
const MOST = 10;
const KEPT_MS = 24 * 60 * 60 * 1000;

/** The orders that this browser placed within a day, the newest first: number, token, time. */
export function all() {
  const orders = load(KEY);
  if (!Array.isArray(orders)) return [];
  return orders.filter((order) => typeof order?.number === "string" && Date.now() - order.at < KEPT_MS);
}

/** Keeps an order and the right to cancel it. */
export function remember(number, token) {
  const others = all().filter((order) => order.number !== number);
  save(KEY, [{ number, token, at: Date.now() }, ...others].slice(0, MOST));
}

/** The token of an order, if this browser has it. */
export function tokenOf(number) {
  return all().find((order) => order.number === number)?.token ?? null;
}
