import "./quantity-stepper.js";
import { MOST_LINES, basket } from "./basket.js";
import { h } from "./dom.js";
import { t } from "./texts.js";

/** Lines without a menu: the guest names what it is and what it costs. */
class FreeLines extends HTMLElement {
  connectedCallback() {
    this.rows = h("div", { class: "free-rows" });
    this.add = h("button", { type: "button", class: "button", onclick: () => this.addLine() }, t("free.add"));
    this.append(h("h2", {}, t("free.heading")), h("p", { class: "lead" }, t("free.lead")), this.rows, this.add);
    basket.addEventListener("change", () => this.hidden || this.show());
  }

  /** Begins with one empty line. */
  open() {
    this.hidden = false;
    if (basket.lines.length === 0) this.addLine();
    else this.show();
  }

  addLine() {
    basket.update({ lines: [...basket.lines, { name: "", price: "", quantity: 1 }] });
  }

  change(index, changes) {
    basket.update({ lines: basket.lines.map((line, at) => (at === index ? { ...line, ...changes } : line)) });
  }

  show() {
    while (this.rows.children.length > basket.lines.length) this.rows.lastChild.remove();
    while (this.rows.children.length < basket.lines.length) this.rows.append(this.row(this.rows.children.length));
    basket.lines.forEach((line, index) => {
      const row = this.rows.children[index];
      const [name, price] = row.querySelectorAll("input");
      if (name.value !== line.name) name.value = line.name;
      if (price.value !== String(line.price)) price.value = line.price;
      row.querySelector("quantity-stepper").show(line.quantity);
    });
    this.add.disabled = basket.lines.length >= MOST_LINES;
  }

  row(index) {
    const field = (key, attributes) => {
      const id = `line-${index}-${key}`;
      return h("div", { class: `field field-${key}`, "data-field": `items/${index}/${key}` },
        h("label", { for: id }, t(`free.${key}`)),
        h("input", { id, autocomplete: "off", ...attributes, oninput: (event) => this.change(index, { [key]: event.target.value }) }),
        h("p", { class: "field-error", id: `${id}-error`, hidden: true }),
      );
    };
    const stepper = h("quantity-stepper", { name: t("free.line", { n: index + 1 }) });
    stepper.addEventListener("quantity", (event) => {
      if (event.detail > 0) this.change(index, { quantity: event.detail });
      else basket.update({ lines: basket.lines.filter((_, at) => at !== index) });
    });
    return h("div", { class: "free-row" },
      field("name", { maxlength: 50 }), field("price", { inputmode: "decimal", maxlength: 6 }), stepper);
  }
}

customElements.define("free-lines", FreeLines);
