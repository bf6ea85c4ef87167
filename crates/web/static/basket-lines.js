import "./quantity-stepper.js";
import { basket } from "./basket.js";
import { h, setText } from "./dom.js";
import { asMoney } from "./format.js";
import { reasonOf } from "./item-reason.js";
import { t } from "./texts.js";

/** The lines of the basket, as chosen from the menu. What cannot be had any more says so. */
class BasketLines extends HTMLElement {
  rows = new Map();
  /** The items of the menu by their ids, once it is known. */
  items = new Map();

  connectedCallback() {
    this.list = h("ul", { class: "lines" });
    this.empty = h("p", { class: "empty" }, t("basket.empty"));
    this.append(this.list, this.empty);
    basket.addEventListener("change", () => this.show());
    document.addEventListener("menu-items", ({ detail }) => {
      this.items = detail;
      this.show();
    });
    this.show();
  }

  show() {
    const lines = basket.lines.filter((line) => line.id);
    const kept = new Set(lines.map((line) => line.id));
    for (const [id, row] of this.rows) {
      if (kept.has(id)) continue;
      if (row.contains(document.activeElement)) document.getElementById("basket").focus();
      row.remove();
      this.rows.delete(id);
    }
    lines.forEach((line, index) => {
      const row = this.rows.get(line.id) ?? this.row(line);
      this.rows.set(line.id, row);
      if (this.list.children[index] !== row) this.list.insertBefore(row, this.list.children[index] ?? null);
      row.dataset.field = `items/${index}`;
      const item = this.items.get(line.id);
      const reason = item ? reasonOf(item) : "";
      const badge = row.querySelector(".badge");
      setText(badge, reason);
      badge.hidden = !reason;
      row.querySelector("quantity-stepper").show(line.quantity, !reason);
      setText(row.querySelector(".line-amount"), asMoney(Math.round(line.price * 100) * line.quantity / 100));
    });
    this.list.hidden = lines.length === 0;
    this.empty.hidden = basket.lines.length > 0;
  }

  row(line) {
    const stepper = h("quantity-stepper", { name: line.name });
    stepper.addEventListener("quantity", (event) => basket.setQuantity(line, event.detail));
    return h("li", { class: "line" },
      h("span", { class: "line-name" }, h("bdi", {}, line.name), " ", h("span", { class: "badge", hidden: true })),
      h("span", { class: "line-amount" }),
      stepper,
      h("p", { class: "field-error", hidden: true }),
    );
  }
}

customElements.define("basket-lines", BasketLines);
