import { Unreachable } from "./api.js";
import { now, observe } from "./clock.js";
import { follow } from "./stream-source.js";

/**
 * A stream sends a heartbeat every 5 s, as long as its service reaches the database. Without an
 * event for longer the page asks in another way. Comments prove nothing.
 */
const QUIET_MS = 6_000;
/**
 * What is shown is stale after so long without proof. A heartbeat proves what was true a second
 * ago. So people are told within 12 s.
 */
const STALE_MS = 10_000;
const POLL_MS = 3_000;
/** What is shown is compared with the whole once in a while, even if all seems well. */
const COMPARE_MS = 60_000;
const TICK_MS = 500;

/**
 * Keeps something that is shown true: by a stream, and by polling where there is none or it is cut.
 *
 * It sends "event" with each event of the stream, and "freshness" twice a second with
 * { isStale, since }: the server's time of the last proof, or null before the first one.
 */
export class Live extends EventTarget {
  proof = null;
  /** It has had no time for a proof before. */
  begun = performance.now();
  /** When an event came last; before everything if there is none. */
  heard = -Infinity;
  polled = -Infinity;

  /** `stream` may be null. `poll` asks once, and throws if there is no answer; it is called `every` ms. */
  constructor({ stream, poll, every = POLL_MS }) {
    super();
    Object.assign(this, { stream, poll, every });
  }

  start() {
    if (this.stream) {
      const isCut = () => { this.heard = -Infinity; };
      follow(this.stream, {
        onEvent: (event) => this.take(event),
        onCut: isCut,
        onMissing: isCut,
      });
    }
    setInterval(() => this.tick(), TICK_MS);
    document.addEventListener("visibilitychange", () => this.tick());
    addEventListener("online", () => this.askNow());
    this.askNow();
  }

  take(event) {
    // Another tab may have opened the stream, and what came before was not for this one.
    const isFirst = this.heard === -Infinity;
    this.heard = performance.now();
    if (event.type === "heartbeat") observe(JSON.parse(event.data).timestamp);
    // The database was restored or replaced: only the whole is true.
    else if (event.type === "reset") this.askNow();
    else this.dispatchEvent(new CustomEvent("event", { detail: event }));
    this.prove();
    if (isFirst) this.askNow();
  }

  /** What is shown was true just now. */
  prove() {
    this.proof = now();
    this.provenAt = performance.now();
  }

  get isStale() {
    return performance.now() - (this.provenAt ?? this.begun) > STALE_MS;
  }

  /** Asks outside of the stream. */
  async askNow() {
    if (this.isAsking) return;
    this.isAsking = true;
    this.polled = performance.now();
    try {
      await this.poll();
      this.prove();
    } catch (why) {
      // Without an answer nothing is proved. Anything else is a fault of ours.
      if (!(why instanceof Unreachable)) console.error(why);
    } finally {
      this.isAsking = false;
    }
    this.tell();
  }

  tick() {
    const time = performance.now();
    const isQuiet = time - this.heard > QUIET_MS;
    if (time - this.polled > (isQuiet ? this.every : COMPARE_MS)) this.askNow();
    this.tell();
  }

  tell() {
    this.dispatchEvent(new CustomEvent("freshness", { detail: { isStale: this.isStale, since: this.proof } }));
  }
}
