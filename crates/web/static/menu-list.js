import "./quantity-stepper.js";
import { Unreachable, send } from "./api.js";
import { MOST_LINES, basket } from "./basket.js";
import { h, setText } from "./dom.js";
import { asMoney } from "./format.js";
import { reasonOf } from "./item-reason.js";
import { t } from "./texts.js";
import { order } from "./urls.js";

const REFRESH_MS = 10_000;

/** An item of the menu. */
class MenuItem extends HTMLElement {
  connectedCallback() {
    if (this.firstChild) return;
    const { id, name, description } = this.item;
    this.price = h("p", { class: "item-price" });
    this.badge = h("p", { class: "badge" });
    this.stepper = h("quantity-stepper", { name });
    this.stepper.addEventListener("quantity", (event) => basket.setQuantity(this.item, event.detail));
    this.append(
      h("div", { class: "item-words" },
        h("h3", { class: "item-name", id: `item-${id}` }, h("bdi", {}, name)),
        description && h("p", { class: "item-description" }, h("bdi", {}, description)),
        this.badge,
      ),
      h("div", { class: "item-side" }, this.price, this.stepper),
    );
    this.show();
  }

  /** Shows what the menu and the basket say now. */
  show() {
    const { id, price } = this.item;
    const quantity = basket.quantityOf(id);
    const reason = reasonOf(this.item);
    this.classList.toggle("is-gone", Boolean(reason));
    this.classList.toggle("is-chosen", quantity > 0);
    setText(this.price, asMoney(price));
    setText(this.badge, reason);
    this.badge.hidden = !reason;
    this.stepper.hidden = Boolean(reason) && quantity === 0;
    this.stepper.show(quantity, !reason && (quantity > 0 || basket.lines.length < MOST_LINES));
  }
}

/**
 * The menu, with its categories. It sends "menu" with true or false once it knows whether there is
 * one, and "menu-items" with the items by their ids. What is sold out, new or dearer is seen within
 * ten seconds.
 */
class MenuList extends HTMLElement {
  items = new Map();

  connectedCallback() {
    basket.addEventListener("change", () => this.showItems());
    setInterval(() => document.hidden || this.load(), REFRESH_MS);
    document.addEventListener("visibilitychange", () => document.hidden || this.load());
    this.load();
  }

  async load() {
    let answer;
    try {
      answer = await send(order("menu"));
    } catch (why) {
      if (!(why instanceof Unreachable)) throw why;
      return this.failed();
    }
    if (answer.status === 200) this.show(answer.body);
    else if (answer.status === 404) this.found(false);
    else this.failed();
  }

  found(isOn) {
    this.removeAttribute("aria-busy");
    this.hidden = !isOn;
    if (this.isOn !== isOn) {
      this.isOn = isOn;
      this.dispatchEvent(new CustomEvent("menu", { detail: isOn }));
    }
  }

  /** A menu that is shown already stays: the service checks each order again. */
  failed() {
    if (this.isOn !== undefined) return;
    this.removeAttribute("aria-busy");
    this.replaceChildren(h("div", { class: "notice notice-problem", role: "alert" },
      h("p", { class: "notice-title" }, t("menu.failed")),
      h("p", {}, t("menu.failed.next")),
      h("button", { type: "button", class: "button", onclick: () => this.load() }, t("page.again")),
    ));
    // It may come back while nobody looks.
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.isOn === undefined && this.load(), 3_000);
  }

  show(menu) {
    const same = JSON.stringify(menu.categories);
    if (same !== this.shown) {
      this.shown = same;
      this.build(menu.categories);
    }
    this.found(true);
    this.showItems();
    const items = new Map(Array.from(this.items, ([id, { item }]) => [id, item]));
    this.dispatchEvent(new CustomEvent("menu-items", { detail: items, bubbles: true }));
  }

  build(categories) {
    const before = this.items;
    this.items = new Map();
    const section = ({ name, items }, index) => h("section", { class: "category", "aria-labelledby": `category-${index}` },
      h("h2", { id: `category-${index}`, class: "category-name", tabindex: "-1" }, h("bdi", {}, name)),
      h("div", { class: "items" }, items.map((item) => {
        // The same element keeps the focus, as long as it shows the same item.
        const element = before.get(item.id) ?? document.createElement("menu-item");
        const isSame = element.item?.name === item.name && element.item?.description === item.description;
        if (element.item && !isSame) element.replaceChildren();
        element.item = item;
        this.items.set(item.id, element);
        return element;
      })),
    );
    const jump = ({ name }, index) => h("li", {}, h("a", { href: `#category-${index}` }, h("bdi", {}, name)));
    const focused = document.activeElement;
    this.replaceChildren(...[
      categories.length > 1 && h("nav", { class: "categories", "aria-label": t("menu.categories") },
        h("ul", {}, categories.map(jump))),
      ...categories.map(section),
      categories.length === 0 && h("p", { class: "empty" }, t("menu.empty")),
    ].filter(Boolean));
    if (this.contains(focused)) focused.focus({ preventScroll: true });
  }

  showItems() {
    for (const element of this.items.values()) if (element.firstChild) element.show();
  }
}

customElements.define("menu-item", MenuItem);
customElements.define("menu-list", MenuList);
