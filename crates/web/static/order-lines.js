import { adjustmentRows } from "./adjustment-rows.js";
import { h } from "./dom.js";
import { asMoney } from "./format.js";
import { t } from "./texts.js";

/** What was ordered, what price rules changed about it, and what it costs. */
export function orderLines({ items, adjustments = [], total_amount: total }) {
  const row = (name, amount, kind) => h("li", { class: kind }, h("span", {}, name), h("span", {}, asMoney(amount)));
  return h("ul", { class: "order-items" },
    items.map(({ name, quantity, price }) => row([`${quantity} × `, h("bdi", {}, name)], price * quantity)),
    adjustmentRows(adjustments).map(({ label, amount, included }) => (included === undefined
      ? row(h("bdi", {}, label), amount)
      : row(h("bdi", {}, t("quote.included", { label })), included, "is-quiet"))),
    row(t("quote.total"), total, "order-sum"));
}
