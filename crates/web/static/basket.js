import { load, onChange, save } from "./storage.js";

const KEY = "restaurant.basket";
export const MOST_LINES = 20;
export const MOST_PIECES = 10;
/** For so long the service knows an Idempotency-Key: 24 hours, less an hour for clocks. */
const KEY_KEPT_MS = 23 * 60 * 60 * 1000;

/** The fields of each type of order, beyond the name. */
export const FIELDS = { takeout: [], dine_in: ["table_number"], delivery: ["delivery_address"] };

const EMPTY = {
  lines: [],
  order_type: "takeout",
  customer_name: "",
  table_number: "",
  delivery_address: "",
  pending: null,
};

/**
 * What a guest is about to order. It is kept in the browser with each change, and all tabs share it.
 *
 * While an order is on its way, `pending` holds the exact bytes and their Idempotency-Key. They are
 * kept until there is an answer, so neither a second tap nor a reload can order twice.
 */
class Basket extends EventTarget {
  constructor() {
    super();
    this.read();
    onChange(KEY, () => this.read());
    addEventListener("pageshow", (event) => event.persisted && this.read());
  }

  read() {
    const kept = load(KEY);
    this.state = { ...EMPTY, ...(kept ?? {}) };
    if (!Array.isArray(this.state.lines)) this.state.lines = [];
    if (!(this.state.order_type in FIELDS)) this.state.order_type = "takeout";
    this.tell();
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }

  update(changes) {
    Object.assign(this.state, changes);
    save(KEY, this.state);
    this.tell();
  }

  get lines() {
    return this.state.lines;
  }

  get pieces() {
    return this.lines.reduce((sum, line) => sum + line.quantity, 0);
  }

  /** The sum of the lines, in cents: prices have two decimals, and floats do not add up. */
  get cents() {
    return this.lines.reduce((sum, line) => sum + Math.round(asNumber(line.price) * 100) * line.quantity, 0);
  }

  quantityOf(id) {
    return this.lines.find((line) => line.id === id)?.quantity ?? 0;
  }

  /** Sets how many pieces of an item are wanted; 0 takes it out. */
  setQuantity({ id, name, price }, quantity) {
    const wanted = Math.min(Math.max(quantity, 0), MOST_PIECES);
    const lines = this.lines.filter((line) => line.id !== id || wanted > 0);
    const line = lines.find((each) => each.id === id);
    if (line) Object.assign(line, { quantity: wanted });
    else if (wanted > 0 && lines.length < MOST_LINES) lines.push({ id, name, price, quantity: wanted });
    this.update({ lines });
  }

  /** The body of the order, as the guest sees it: with the prices that the page shows. */
  body() {
    const { order_type, customer_name, lines } = this.state;
    const items = lines.map(({ id, name, price, quantity }) => (
      id ? { item_id: id, quantity, price } : { name: name.trim(), quantity, price: asNumber(price) }
    ));
    const body = { customer_name: customer_name.trim(), order_type, items };
    for (const field of FIELDS[order_type]) {
      const value = this.state[field].trim();
      body[field] = field === "table_number" ? asNumber(value) : value;
    }
    return body;
  }

  /** The order that is on its way; a new one if there is none. */
  seal() {
    if (!this.state.pending) {
      const pending = { key: uuid(), body: JSON.stringify(this.body()), since: Date.now() };
      this.update({ pending });
    }
    return this.state.pending;
  }

  get pending() {
    return this.state.pending;
  }

  /** Whether the service may have forgotten the key of the order that is on its way. */
  get isPendingTooOld() {
    return Boolean(this.pending) && Date.now() - this.pending.since > KEY_KEPT_MS;
  }

  /** The order was refused: the next attempt is another one. */
  unseal() {
    this.update({ pending: null });
  }

  /** The order was taken. The name and the address stay for the next one. */
  clear() {
    this.update({ pending: null, lines: [] });
  }
}

/** A text that is no number is sent as it is, so that the service says what is wrong with it. */
function asNumber(text) {
  const normal = String(text).trim().replace(",", ".");
  return /^-?\d+(\.\d+)?$/.test(normal) ? Number(normal) : String(text);
}

/** `crypto.randomUUID` exists on HTTPS and localhost only, and a restaurant's network has neither. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export const basket = new Basket();
