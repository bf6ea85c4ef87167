import { Unreachable, send } from "./api.js";
import { h } from "./dom.js";
import { orderLines } from "./order-lines.js";
import { retryPause } from "./retry-pause.js";
import { t } from "./texts.js";
import { tracking } from "./urls.js";

/** The token is of another order of this number, or there is no such order. Others may pass. */
const REFUSALS = [401, 403, 404];

/**
 * What this browser ordered, for how much, and where it goes. Another browser has no token, and
 * sees nothing of it. It sends "order" with the whole order.
 */
class OwnOrder extends HTMLElement {
  looks = 0;
  /** How many looks in a row had no answer of use. */
  failures = 0;

  open(number, token) {
    Object.assign(this, { number, token });
    this.hidden = true;
    this.load();
  }

  /** Looks, until there is an answer. Something may have been noted since the last look. */
  async load() {
    clearTimeout(this.retry);
    if (!this.token) return;
    // Looks overtake each other: only the last one that began is shown.
    const look = ++this.looks;
    const { status, body, retryAfter } = await this.ask();
    if (look !== this.looks || REFUSALS.includes(status)) return;
    if (status === 200 && body) {
      this.failures = 0;
      return this.show(body);
    }
    const pause = retryPause(this.failures++, (retryAfter ?? 0) * 1000);
    this.retry = setTimeout(() => this.load(), pause);
  }

  /** The answer of the service; an empty one without any. */
  async ask() {
    try {
      return await send(tracking(`orders/${encodeURIComponent(this.number)}`), {
        cache: "no-store",
        headers: { "X-Order-Token": this.token },
      });
    } catch (why) {
      if (!(why instanceof Unreachable)) throw why;
      return {};
    }
  }

  show(order) {
    const place = order.table_number ? t("track.table", { table: order.table_number }) : order.delivery_address;
    this.replaceChildren(
      h("h2", {}, t("track.own")),
      h("p", { class: "lead" }, t(`type.${order.order_type}`)),
      ...[place && h("p", { dir: "auto" }, place)].filter(Boolean),
      orderLines(order));
    this.hidden = false;
    this.dispatchEvent(new CustomEvent("order", { detail: order }));
  }
}

customElements.define("own-order", OwnOrder);
