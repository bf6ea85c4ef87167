import { basket } from "./basket.js";
import { h, setText } from "./dom.js";
import { asMoney } from "./format.js";
import { t } from "./texts.js";

/** On a small screen: what is in the basket, and the way to it. */
class OrderBar extends HTMLElement {
  connectedCallback() {
    this.count = h("span", { class: "bar-count" });
    this.sum = h("span", { class: "bar-sum" });
    this.append(h("a", { class: "button button-primary", href: "#basket" },
      this.count, h("span", { class: "bar-go" }, t("bar.go")), this.sum));
    basket.addEventListener("change", () => this.show());
    // It would cover the button that it leads to.
    new IntersectionObserver(([{ isIntersecting }]) => {
      this.isAtBasket = isIntersecting;
      this.show();
    }).observe(document.getElementById("basket"));
    this.show();
  }

  show() {
    this.hidden = basket.pieces === 0 || this.isAtBasket === true;
    setText(this.count, t("basket.items", { n: basket.pieces }));
    setText(this.sum, Number.isFinite(basket.cents) ? asMoney(basket.cents / 100) : "");
  }
}

customElements.define("order-bar", OrderBar);
