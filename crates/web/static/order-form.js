import "./basket-lines.js";
import "./price-quote.js";
import { proposed } from "./basket-changes.js";
import { FIELDS, basket } from "./basket.js";
import { now } from "./clock.js";
import { h, setText } from "./dom.js";
import { asMoney } from "./format.js";
import { closedNotice } from "./intake-banner.js";
import { intake } from "./intake.js";
import { placing } from "./placing.js";
import { has, t } from "./texts.js";
import { tracker } from "./urls.js";

const TEXTS = ["customer_name", "table_number", "delivery_address"];

/** Who orders, and how: with the fields of the chosen type only. It sends the basket. */
class OrderForm extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.body = this.querySelector(".form-body");
    this.notice = this.querySelector(".form-notice");
    this.button = this.querySelector("button[type=submit]");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.form.addEventListener("input", ({ target }) => {
      if (target.name in basket.state) basket.update({ [target.name]: target.value });
      this.showError(target.name, null);
    });
    this.addEventListener("quote", (event) => {
      this.total = event.detail;
      this.showButton();
    });
    // Nobody orders at the total of an earlier basket.
    this.addEventListener("quote-old", () => {
      this.total = null;
      this.showButton();
    });
    basket.addEventListener("change", () => this.show());
    placing.addEventListener("change", () => this.showPlacing());
    intake.addEventListener("change", () => this.showIntake());
    this.show();
    placing.resume();
  }

  show() {
    const { state } = basket;
    for (const name of TEXTS) {
      const field = this.form.elements[name];
      if (field.value !== state[name]) field.value = state[name];
      const isShown = name === "customer_name" || FIELDS[state.order_type].includes(name);
      field.closest(".field").hidden = !isShown;
    }
    this.form.elements.order_type.value = state.order_type;
    this.showButton();
  }

  showButton() {
    const total = basket.pieces > 0 ? this.total : null;
    const isSending = placing.isUnderWay;
    this.body.disabled = isSending;
    this.button.disabled = isSending || basket.pieces === 0;
    this.button.classList.toggle("is-busy", isSending);
    const label = isSending ? t("form.sending")
      : typeof total === "number" ? t("form.submit_total", { total: asMoney(total) }) : t("form.submit");
    setText(this.button, label);
  }

  submit() {
    if (placing.isUnderWay || basket.pieces === 0) return;
    const missing = this.missing();
    this.showErrors(missing);
    if (missing.length > 0) return;
    placing.start();
  }

  /** What can be seen without asking the service. It has the last word on everything else. */
  missing() {
    const errors = [];
    const { state } = basket;
    const need = (field, isRight) => isRight || errors.push({ pointer: `/${field}` });
    need("customer_name", /[\p{L}\p{N}]/u.test(state.customer_name));
    if (state.order_type === "dine_in") need("table_number", /^\s*([1-9]\d?|100)\s*$/.test(state.table_number));
    if (state.order_type === "delivery") need("delivery_address", state.delivery_address.trim().length >= 10);
    return errors;
  }

  /** Shows each error at its field, and those of no field above the button. The first gets the focus. */
  showErrors(errors) {
    this.closest("main").querySelectorAll("[data-field]").forEach((field) => this.mark(field, null));
    const elsewhere = [];
    let first = null;
    for (const { pointer, detail } of errors) {
      const field = this.fieldOf(pointer);
      const text = this.sentence(pointer, detail);
      if (!field) {
        elsewhere.push(text);
        continue;
      }
      this.mark(field, text);
      first ??= field.querySelector("input, textarea, button") ?? field;
    }
    this.say(elsewhere.length > 0 && [
      h("p", { class: "notice-title" }, t("form.refused")),
      ...elsewhere.map((text) => h("p", { dir: "auto" }, text)),
    ]);
    (first ?? (elsewhere.length > 0 ? this.notice.firstChild : null))?.focus();
  }

  /** The element for a pointer such as /items/2/quantity: of this field, or of its line. */
  fieldOf(pointer) {
    const path = pointer.slice(1);
    const all = this.closest("main");
    const find = (name) => all.querySelector(`[data-field="${CSS.escape(name)}"]`);
    return find(path) ?? find(path.split("/").slice(0, 2).join("/"));
  }

  sentence(pointer, detail) {
    const key = `error.${pointer.slice(1).replace(/^items\/\d+\//, "items.")}`;
    return has(key) ? t(key) : detail ?? t("error.field");
  }

  showError(name, text) {
    const field = this.querySelector(`[data-field="${CSS.escape(name)}"]`);
    if (field) this.mark(field, text);
  }

  mark(field, text) {
    const error = field.querySelector(".field-error");
    if (!error) return;
    error.hidden = !text;
    setText(error, text ?? "");
    const input = field.querySelector("input:not([type=radio]), textarea");
    if (!input) return;
    if (text) {
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", error.id);
    } else {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    }
  }

  /** Shows a notice above the button. Without one, a pause of the intake is told there. */
  say(children, kind = "problem") {
    if (!children && intake.pause) return this.say(closedNotice(intake.pause), "wait");
    this.notice.replaceChildren(
      ...(children ? [h("div", { class: `notice notice-${kind}`, tabindex: "-1" }, ...children)] : []),
    );
  }

  /** A pause began or ended. What else is told of an order stays. */
  showIntake() {
    if (["idle", "closed"].includes(placing.state.kind)) this.showPlacing();
  }

  showPlacing() {
    clearTimeout(this.reopening);
    this.showButton();
    const { state } = placing;
    const title = (key, values) => h("p", { class: "notice-title" }, t(key, values));
    const next = (key, values) => h("p", {}, t(key, values));
    switch (state.kind) {
      case "unknown":
        return this.say([title("placing.unknown"), next("placing.unknown.next")], "wait");
      case "busy":
        return this.say([title("placing.busy"), next("placing.busy.next")], "wait");
      case "closed":
        return this.showClosed(state);
      case "failed":
        return this.say([title("placing.failed"), next("placing.failed.next")]);
      case "forgotten":
        return this.say([title("placing.forgotten"), next("placing.forgotten.next")]);
      case "refused":
        return this.showRefusal(state);
      case "placed":
        location.assign(tracker(state.number, state.token));
        return;
      default:
        this.say(null);
    }
  }

  /** A pause is over when the service says so, too many orders when the estimate is. */
  showClosed({ until, message, isPause }) {
    const wait = until - now();
    const pause = !isPause && wait > 0 ? { until, message } : intake.pause;
    if (!pause) return this.say([h("p", { class: "notice-title" }, t("placing.open_again"))], "wait");
    this.say(closedNotice(pause), "wait");
    if (pause === intake.pause) return;
    this.reopening = setTimeout(() => this.showClosed({ until, message }), Math.min(wait, 2 ** 31 - 1));
  }

  showRefusal({ status, problem }) {
    if (problem.items?.length > 0) return this.showChanges(problem);
    if (problem.errors?.length > 0) return this.showErrors(problem.errors);
    this.say([
      h("p", { class: "notice-title" }, t("form.refused")),
      h("p", { dir: "auto" }, problem.detail ?? t("error.status", { status })),
    ]);
    this.notice.firstChild.focus();
  }

  /** The menu is another one than the guest saw: says what changed, and offers the basket as it can be had. */
  showChanges(problem) {
    const { sentences, lines } = proposed(problem);
    this.dispatchEvent(new Event("menu-changed", { bubbles: true }));
    this.say([
      h("p", { class: "notice-title" }, t("changed.title")),
      h("ul", {}, sentences.map((sentence) => h("li", { dir: "auto" }, sentence))),
      h("button", {
        type: "button",
        class: "button",
        onclick: () => {
          basket.update({ lines });
          placing.reset();
          this.button.focus();
        },
      }, lines.length > 0 ? t("changed.accept") : t("changed.empty")),
    ]);
    this.notice.firstChild.focus();
  }
}

customElements.define("order-form", OrderForm);
