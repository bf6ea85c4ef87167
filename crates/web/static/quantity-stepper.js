import { h, setText } from "./dom.js";
import { MOST_PIECES } from "./basket.js";
import { t } from "./texts.js";

/**
 * How many pieces of something: "Add" while there are none, then − n +. It sends "quantity" with
 * the wanted number. The attribute `name` says of what.
 */
class QuantityStepper extends HTMLElement {
  #quantity = 0;

  connectedCallback() {
    if (this.firstChild) return;
    const name = this.getAttribute("name");
    const press = (step) => () => {
      this.dispatchEvent(new CustomEvent("quantity", { detail: this.#quantity + step, bubbles: true }));
    };
    this.less = h("button", { type: "button", class: "step", "aria-label": t("quantity.less", { name }), onclick: press(-1) }, "−");
    this.count = h("output", { class: "step-count", "aria-label": t("quantity.count", { name }) });
    this.more = h("button", { type: "button", class: "step step-more", "aria-label": t("quantity.more", { name }), onclick: press(1) }, "+");
    this.append(this.less, this.count, this.more);
    this.show(0);
  }

  /** Shows a number; `mayGrow` is false where no more can be had. */
  show(quantity, mayGrow = true) {
    this.#quantity = quantity;
    // The button that had the focus must not vanish with it.
    if (quantity === 0 && document.activeElement === this.less) this.more.focus();
    this.less.hidden = quantity === 0;
    this.count.hidden = quantity === 0;
    setText(this.count, String(quantity));
    this.more.disabled = !mayGrow || quantity >= MOST_PIECES;
  }
}

customElements.define("quantity-stepper", QuantityStepper);
