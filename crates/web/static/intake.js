import { Unreachable, send } from "./api.js";
import { now } from "./clock.js";
import { order } from "./urls.js";

/** How often it is asked: while orders are taken, and while they are not. */
const OPEN_MS = 5_000;
const PAUSED_MS = 3_000;
/** By then every order service knows that a pause is over. */
const AFTER_END_MS = 500;
/** By then every order service knows of a pause for which one of them has refused an order. */
const AFTER_REFUSAL_MS = 1_000;

/** Whether orders are taken. It sends "change" when a pause begins, ends, or is another one. */
class Intake extends EventTarget {
  /** The present pause: { until, message }, with `until` in milliseconds. */
  pause = null;
  looks = 0;
  /** Before that, another service may say that orders are taken. */
  notBefore = 0;

  /** Looks now, and goes on looking while the page is seen. */
  start() {
    document.addEventListener("visibilitychange", () => document.hidden || this.look());
    addEventListener("online", () => this.look());
    this.look();
  }

  async look() {
    clearTimeout(this.next);
    if (document.hidden) return;
    const early = this.notBefore - performance.now();
    if (early > 0) {
      this.next = setTimeout(() => this.look(), early);
      return;
    }
    this.looks += 1;
    const look = this.looks;
    const found = await this.ask();
    // Somebody has looked again since, or an order was refused.
    if (look !== this.looks) return;
    if (found) this.take(found);
    // Without an answer a pause lasts until its end.
    else if (this.pause && this.pause.until <= now()) this.become(null);
    const wait = this.pause ? Math.min(PAUSED_MS, this.pause.until - now() + AFTER_END_MS) : OPEN_MS;
    this.next = setTimeout(() => this.look(), Math.max(wait, AFTER_END_MS));
  }

  /** The answer of the service; null without one. */
  async ask() {
    try {
      const { status, body } = await send(order("intake"), { cache: "no-store" });
      return status === 200 ? body : null;
    } catch (why) {
      if (!(why instanceof Unreachable)) throw why;
      return null;
    }
  }

  take({ accepting, until, message }) {
    this.become(accepting ? null : { until: Date.parse(until), message });
  }

  /** An order was refused for this pause. When exactly it ends, the next look tells. */
  refused(pause) {
    this.become(pause);
    // What is on its way was asked before.
    this.looks += 1;
    this.notBefore = performance.now() + AFTER_REFUSAL_MS;
    this.look();
  }

  become(pause) {
    const isSame = this.pause?.until === pause?.until && this.pause?.message === pause?.message;
    this.pause = pause;
    if (!isSame) this.dispatchEvent(new Event("change"));
  }
}

export const intake = new Intake();
