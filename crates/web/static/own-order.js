import { Unreachable, send } from "./api.js";
import { h } from "./dom.js";
import { orderLines } from "./order-lines.js";
import { t } from "./texts.js";
import { tracking } from "./urls.js";

const RETRY_MS = 5_000;

/**
 * What this browser ordered, for how much, and where it goes. Another browser has no token, and
 * sees nothing of it. It sends "order" with the whole order.
 */
class OwnOrder extends HTMLElement {
  open(number, token) {
    Object.assign(this, { number, token });
    this.hidden = true;
    this.load();
  }

  /** Looks, until there is an answer. Something may have been noted since the last look. */
  async load() {
    clearTimeout(this.retry);
    if (!this.token) return;
    try {
      const { status, body } = await send(tracking(`orders/${encodeURIComponent(this.number)}`), {
        cache: "no-store",
        headers: { "X-Order-Token": this.token },
      });
      if (status === 200 && body) return this.show(body);
      // The token is of another order of this number.
      if (status < 500) return;
    } catch (why) {
      if (!(why instanceof Unreachable)) throw why;
    }
    this.retry = setTimeout(() => this.load(), RETRY_MS);
  }

  show(order) {
    const place = order.table_number ? t("kitchen.table", { table: order.table_number }) : order.delivery_address;
    this.replaceChildren(
      h("h2", {}, t("basket.heading")),
      h("p", { class: "lead" }, t(`type.${order.order_type}`)),
      ...[place && h("p", { dir: "auto" }, place)].filter(Boolean),
      orderLines(order));
    this.hidden = false;
    this.dispatchEvent(new CustomEvent("order", { detail: order }));
  }
}

customElements.define("own-order", OwnOrder);
