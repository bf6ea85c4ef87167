import { adjustmentRows } from "./adjustment-rows.js";
import { Unreachable, post } from "./api.js";
import { basket } from "./basket.js";
import { h } from "./dom.js";
import { asMoney } from "./format.js";
import { t } from "./texts.js";
import { order } from "./urls.js";

const PAUSE_MS = 200;

/**
 * What the basket costs, by the function that prices orders, with each discount, fee and tax. It
 * sends "quote" with the total, or with null while there is none, and "quote-old" once that is the
 * total of an earlier basket.
 */
class PriceQuote extends HTMLElement {
  connectedCallback() {
    this.setAttribute("aria-live", "polite");
    basket.addEventListener("change", () => this.refresh());
    this.refresh();
  }

  /** Asks again if what is asked has changed. */
  refresh(force = false) {
    const { items, order_type } = basket.body();
    const asked = JSON.stringify({ items, order_type });
    if (asked === this.asked && !force) return;
    this.asked = asked;
    this.request?.abort();
    clearTimeout(this.timer);
    clearTimeout(this.retry);
    if (items.length === 0) return this.show(null);
    this.classList.add("is-old");
    this.dispatchEvent(new Event("quote-old", { bubbles: true }));
    this.timer = setTimeout(() => this.ask(asked), PAUSE_MS);
  }

  async ask(asked) {
    const request = new AbortController();
    this.request = request;
    try {
      const answer = await post(order("calculate_price"), asked, { signal: request.signal });
      if (answer.status === 200) this.show(answer.body);
      else this.showSum(answer.body?.code ? t("quote.changed") : null);
    } catch (why) {
      if (request.signal.aborted) return;
      if (!(why instanceof Unreachable)) throw why;
      this.showSum(t("quote.offline"));
      this.retry = setTimeout(() => this.refresh(true), 3_000);
    }
  }

  /** Without a quote there is the sum of the lines, and why it is no more than that. */
  showSum(why) {
    this.draw([], Number.isFinite(basket.cents) ? basket.cents / 100 : null, why);
    this.tell(null);
  }

  show(quote) {
    if (!quote) {
      this.classList.remove("is-old");
      this.replaceChildren();
      return this.tell(null);
    }
    const rows = adjustmentRows(quote.adjustments).map(({ label, amount, included }) => (included === undefined
      ? [label, asMoney(amount)]
      : [t("quote.included", { label }), asMoney(included), true]));
    if (rows.length > 0) rows.unshift([t("quote.subtotal"), asMoney(quote.subtotal)]);
    this.draw(rows, quote.total);
    this.tell(quote.total);
  }

  draw(rows, total, note) {
    this.classList.remove("is-old");
    const row = ([label, amount, isQuiet]) => h("div", { class: isQuiet ? "quote-row is-quiet" : "quote-row" },
      h("dt", {}, h("bdi", {}, label)), h("dd", {}, amount));
    this.replaceChildren(...[
      h("dl", { class: "quote" }, rows.map(row),
        total !== null && h("div", { class: "quote-row quote-total" }, h("dt", {}, t("quote.total")), h("dd", {}, asMoney(total)))),
      note && h("p", { class: "quote-note" }, note),
    ].filter(Boolean));
  }

  tell(total) {
    this.dispatchEvent(new CustomEvent("quote", { detail: total, bubbles: true }));
  }
}

customElements.define("price-quote", PriceQuote);
