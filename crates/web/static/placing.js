import { Unreachable, post } from "./api.js";
import { basket } from "./basket.js";
import { now } from "./clock.js";
import { intake } from "./intake.js";
import * as ownOrders from "./own-orders.js";
import { order } from "./urls.js";

/** Longer than the service takes to find out what became of an order. */
const ANSWER_MS = 40_000;
const PAUSES_S = [1, 2, 4, 8, 15, 30];
/** A pause of the service that is waited for without asking the guest, in seconds, and how often. */
const SHORT_WAIT_S = 5;
const MOST_SHORT_WAITS = 5;

/**
 * Sends the basket until it is known what became of it. States, as `state.kind`:
 *
 * - `idle`: nothing is on its way.
 * - `sending`: the first attempt.
 * - `unknown`: an answer was lost, or is not known yet. It asks again under the same key.
 * - `busy`: the service takes nothing for a moment, and it tries again.
 * - `closed`: the service takes nothing until `state.until`; `state.message` may say why. If
 *   `state.isPause`, the staff has paused the intake, and may end that earlier.
 * - `failed`: the order will not be cooked. The guest may try again.
 * - `refused`: `state.problem` says why.
 * - `forgotten`: an answer was lost for so long that the service may not know the key any more.
 * - `placed`: `state.number` and `state.token`.
 */
class Placing extends EventTarget {
  state = { kind: "idle" };

  become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }

  get isUnderWay() {
    return ["sending", "unknown", "busy", "placed"].includes(this.state.kind);
  }

  /** Sends the basket. A second call while it is on its way does nothing. */
  async start() {
    if (this.isUnderWay) return;
    const { body, key } = basket.seal();
    this.become({ kind: "sending" });
    for (let lost = 0, busy = 0; ; ) {
      const next = await this.attempt(body, key);
      if (next.kind === "unknown") {
        next.pause = PAUSES_S[Math.min(lost++, PAUSES_S.length - 1)];
      } else if (next.kind === "closed" && next.pause <= SHORT_WAIT_S && busy++ < MOST_SHORT_WAITS) {
        next.kind = "busy";
      } else {
        // In these cases it is certain that nothing was ordered.
        if (["closed", "failed", "refused"].includes(next.kind)) basket.unseal();
        if (next.kind === "placed") {
          ownOrders.remember(next.number, next.token);
          basket.clear();
        }
        return this.become(next);
      }
      this.become(next);
      await pauseOrOnline(next.pause);
    }
  }

  /** Forgets how the last attempt ended. */
  reset() {
    this.become({ kind: "idle" });
  }

  /** Goes on with an order that was on its way when the page was closed. */
  resume() {
    if (basket.isPendingTooOld) {
      basket.unseal();
      this.become({ kind: "forgotten" });
    } else if (basket.pending) {
      this.start();
    }
  }

  async attempt(body, key) {
    let answer;
    try {
      answer = await post(order("orders"), body, {
        timeout: ANSWER_MS,
        headers: { "Idempotency-Key": key },
      });
    } catch (why) {
      if (why instanceof Unreachable) return { kind: "unknown" };
      throw why;
    }
    const { status, body: problem, headers, retryAfter } = answer;
    if (status === 200 && problem?.order_number) {
      return { kind: "placed", number: problem.order_number, token: headers.get("X-Order-Token") };
    }
    // Another request with this key is still in work.
    if (status === 409 && !problem?.code) return { kind: "unknown" };
    if (status === 503) {
      const pause = retryAfter ?? 30;
      const until = now() + pause * 1000;
      const message = pause > SHORT_WAIT_S ? problem?.detail : null;
      const isPause = problem?.code === "intake_paused" && pause > SHORT_WAIT_S;
      if (isPause) intake.refused({ until, message });
      return { kind: "closed", pause, until, message, isPause };
    }
    if (status === 500) return { kind: "failed" };
    // 504, and what a gateway says while the service is away.
    if (status >= 500 || status === 408 || status === 200) return { kind: "unknown" };
    return { kind: "refused", status, problem: problem ?? {} };
  }
}

/** Waits, or until the network is back. */
function pauseOrOnline(seconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, seconds * 1000);
    addEventListener("online", done);
  });
}

export const placing = new Placing();
