import { basket } from "./basket.js";
import { h, setText } from "./dom.js";
import { asMoney } from "./format.js";
import { t } from "./texts.js";

/** On a small screen: what is in the basket, what it costs, and the way to it. */
class OrderBar extends HTMLElement {
  /** What the service asks for the basket; null if it does not tell, undefined before it has. */
  total = undefined;

  connectedCallback() {
    this.count = h("span", { class: "bar-count" });
    this.sum = h("span", { class: "bar-sum" });
    this.append(h("a", { class: "button button-primary", href: "#basket" },
      this.count, h("span", { class: "bar-go" }, t("bar.go")), this.sum));
    basket.addEventListener("change", () => this.show());
    document.addEventListener("quote", ({ detail }) => {
      this.total = basket.pieces > 0 ? detail : undefined;
      this.sum.classList.remove("is-old");
      this.show();
    });
    document.addEventListener("quote-old", () => this.sum.classList.add("is-old"));
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
    // The sum of the lines leaves discounts and fees out.
    const total = this.total === null ? basket.cents / 100 : this.total;
    setText(this.sum, Number.isFinite(total) ? asMoney(total) : "");
  }
}

customElements.define("order-bar", OrderBar);
