import { Unreachable, send } from "./api.js";
import { now, observe } from "./clock.js";
import { Live } from "./live.js";

const here = new URL("../", import.meta.url);
/** How often the tickets are asked for where no stream brings them. */
const POLL_MS = 1_000;
/**
 * A worker says at least so often why its board may not be true. Silent for longer, it is out of
 * reach.
 */
const CAUSE_MS = 10_000;

/** What was finished last comes first. */
const byTime = (one, other) => other.updated_at.localeCompare(one.updated_at);

/**
 * The tickets of a kitchen: of one worker, which sends each change, or of all, which are asked for
 * every second.
 *
 * It sends "change" when what is shown differs, "news" with a ticket that is new or was cancelled,
 * and "freshness" as a `Live` does, with the cause of a cut where the service told it.
 */
export class KitchenFeed extends EventTarget {
  /** By number. Cancelled ones stay here until `dismiss`. */
  tickets = new Map();
  done = [];
  times = [];
  beyond = 0;
  isKnown = false;
  /** The worker stops: nothing is started any more. */
  isStopping = false;
  /**
   * What came last. A worker numbers its changes: an answer that was asked for before an event may
   * come after it. `whole`: of all tickets; `revisions`: of those that changed since.
   */
  board = null;
  whole = 0;
  revisions = new Map();
  /** Why the service says that this may not be true, and when it said so. */
  told = null;

  constructor({ isWorker }) {
    super();
    this.isWorker = isWorker;
    this.address = new URL(isWorker ? "tickets" : "kitchen/tickets", here);
    const stream = isWorker ? new URL("events", here) : null;
    this.live = new KitchenLive({ stream, poll: () => this.ask(), every: POLL_MS });
    this.live.addEventListener("event", ({ detail }) => this.take(detail));
    this.live.addEventListener("cut", ({ detail }) => this.tellCause(detail.cause));
    this.live.addEventListener("proof", ({ detail }) => {
      this.told = null;
      this.times = detail.cooking_times ?? this.times;
    });
    this.live.addEventListener("freshness", ({ detail }) => {
      const isCut = detail.isStale || this.cause !== null;
      this.dispatchEvent(new CustomEvent("freshness", { detail: { ...detail, isStale: isCut, cause: this.cause } }));
    });
  }

  start() {
    this.live.start();
  }

  tellCause(cause) {
    this.told = { cause, at: performance.now() };
  }

  /**
   * Why the service says that this may not be true: "database" or "broker"; null if it does not.
   */
  get cause() {
    const isFresh = this.told !== null && performance.now() - this.told.at < CAUSE_MS;
    return isFresh ? this.told.cause : null;
  }

  async ask() {
    const { status, body } = await send(this.address);
    if (status === 401 || status === 403) this.dispatchEvent(new Event("signedout"));
    if (status !== 200 || !Array.isArray(body?.tickets)) throw new Unreachable(`status ${status}`);
    if (body.cut_off) {
      this.tellCause(body.cut_off.cause);
      if (!body.as_of) throw new Unreachable("the board is not known yet");
    } else {
      this.told = null;
      observe(body.as_of);
    }
    this.replace(body);
    if (body.cut_off) throw new Unreachable(body.cut_off.cause);
  }

  take({ type, data }) {
    if (type === "tickets") this.replace(JSON.parse(data));
    else if (type === "ticket") this.put(JSON.parse(data));
    else if (type === "gone") this.remove(JSON.parse(data));
    else if (type === "stopping") {
      this.isStopping = true;
      this.changed();
    }
  }

  /** Whether this is newer than what is shown of an order. Without a revision it always is. */
  isNewer(number, revision) {
    if (revision === undefined) return true;
    return revision > Math.max(this.whole, this.revisions.get(number) ?? 0);
  }

  /**
   * All that there is. What was cancelled and is still on this display stays, and so does what has
   * changed since.
   */
  replace(board) {
    if (board.board !== this.board) {
      Object.assign(this, { board: board.board, whole: 0 });
      this.revisions.clear();
    }
    const { revision } = board;
    if (revision < this.whole) return;
    const isOlder = (number) => revision !== undefined && (this.revisions.get(number) ?? 0) > revision;
    const wanted = new Set(board.tickets.map(({ order_number }) => order_number));
    for (const [number, ticket] of this.tickets) {
      if (!wanted.has(number) && ticket.status !== "cancelled" && !isOlder(number)) this.tickets.delete(number);
    }
    for (const ticket of board.tickets) if (!isOlder(ticket.order_number)) this.set(ticket, { isWhole: true });
    const later = this.done.filter(({ order_number }) => isOlder(order_number));
    this.done = [...later, ...(board.done ?? []).filter(({ order_number }) => !isOlder(order_number))].sort(byTime);
    for (const [number, known] of this.revisions) if (known <= revision) this.revisions.delete(number);
    this.whole = revision ?? 0;
    this.times = board.cooking_times ?? [];
    this.beyond = board.beyond ?? 0;
    this.isKnown = board.as_of != null;
    this.isStopping = board.stopping === true;
    this.changed();
  }

  put(ticket) {
    const number = ticket.order_number;
    if (!this.isNewer(number, ticket.revision)) return;
    if (ticket.revision !== undefined) this.revisions.set(number, ticket.revision);
    this.done = this.done.filter(({ order_number }) => order_number !== number);
    if (ticket.status === "ready") this.done = [...this.done, ticket].sort(byTime);
    this.set(ticket, { isWhole: false });
    this.changed();
  }

  remove({ order_number: number, revision }) {
    if (!this.isNewer(number, revision)) return;
    if (revision !== undefined) this.revisions.set(number, revision);
    this.done = this.done.filter(({ order_number }) => order_number !== number);
    if (this.tickets.get(number)?.status !== "cancelled") this.tickets.delete(number);
    this.changed();
  }

  set(ticket, { isWhole }) {
    const number = ticket.order_number;
    const known = this.tickets.get(number);
    if (ticket.status === "received" || ticket.status === "cooking") {
      this.tickets.set(number, ticket);
      if (!known && this.isKnown) this.tell("new", ticket);
    } else if (ticket.status === "cancelled") {
      // A display that was opened later shows what may still be on the stove, and nothing else.
      const isShown = known || (isWhole && !this.isKnown && ticket.was_cooking !== false) || ticket.was_cooking;
      if (!isShown || this.dismissed?.has(number)) return;
      this.tickets.set(number, ticket);
      if (known && known.status !== "cancelled") this.tell("cancelled", ticket);
    } else {
      this.tickets.delete(number);
    }
  }

  /** A cancelled ticket was seen. */
  dismiss(number) {
    this.dismissed ??= new Set();
    this.dismissed.add(number);
    this.tickets.delete(number);
    this.changed();
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  tell(kind, ticket) {
    this.dispatchEvent(new CustomEvent("news", { detail: { kind, ticket } }));
  }

  /** In the order in which they are cooked; what was cancelled stays in its place. */
  inOrder() {
    return [...this.tickets.values()].sort((one, other) => other.priority - one.priority
      || one.created_at.localeCompare(other.created_at) || one.order_number.localeCompare(other.order_number));
  }

  /** Seconds since a ticket was placed, by the server's clock. */
  static age(ticket) {
    return Math.max(0, Math.floor((now() - Date.parse(ticket.created_at)) / 1_000));
  }
}

/** A worker says why its board may not be true. That is no proof that it is. */
class KitchenLive extends Live {
  take(event) {
    if (event.type === "cut_off") {
      this.dispatchEvent(new CustomEvent("cut", { detail: JSON.parse(event.data) }));
      return;
    }
    if (event.type === "heartbeat") this.dispatchEvent(new CustomEvent("proof", { detail: JSON.parse(event.data) }));
    super.take(event);
  }
}
