import { Unreachable } from "./api.js";
import { h } from "./dom.js";
import { shortNumber } from "./format.js";
import { asExactDateTime } from "./order-fields.js";
import { orderLines } from "./order-lines.js";
import { ask, change } from "./staff-api.js";
import { has, t } from "./texts.js";
import { order, tracking } from "./urls.js";

/** One order with all that is known of it, and what can be done with it. It sends "changed". */
class StaffOrder extends HTMLElement {
  connectedCallback() {
    this.heading = h("h2", { id: "order-heading", tabindex: "-1" });
    this.body = h("div", { class: "order-body" });
    this.notice = h("div", { role: "alert" });
    this.actions = h("div", { class: "order-actions" });
    const close = h("button", { type: "button", class: "button order-close", onclick: () => this.dialog.close() }, t("staff.order.close"));
    this.dialog = h("dialog", { class: "order-dialog", "aria-labelledby": "order-heading" },
      this.heading, this.body, this.actions, this.notice, h("div", { class: "dialog-actions" }, close));
    this.append(this.dialog);
    document.addEventListener("changes", () => this.dialog.open && this.isIdle && this.load());
  }

  /** Nobody is writing a reason at the moment. */
  get isIdle() {
    return !this.actions.querySelector("input");
  }

  open(number) {
    this.number = number;
    this.heading.replaceChildren(t("staff.order.heading", { short: shortNumber(number) }));
    this.body.replaceChildren(h("p", { class: "lead" }, t("page.loading")));
    this.actions.replaceChildren();
    this.say(null);
    this.dialog.showModal();
    this.load();
  }

  /** Looks overtake each other: only the last one that began is shown. */
  async load() {
    const { number } = this;
    this.looks = (this.looks ?? 0) + 1;
    const look = this.looks;
    const isOld = () => number !== this.number || look !== this.looks;
    let answer;
    try {
      answer = await ask(tracking(`orders/${encodeURIComponent(number)}`));
    } catch (why) {
      if (!(why instanceof Unreachable)) throw why;
      return isOld() || this.say(t("staff.no_connection"));
    }
    // Meanwhile somebody may have begun to write a reason.
    if (isOld() || !this.isIdle) return;
    if (answer.status !== 200) return this.say(answer.body?.detail ?? t("staff.failed"));
    this.show(answer.body);
  }

  show(each) {
    const row = (name, value) => value && h("div", {}, h("dt", {}, name), h("dd", { dir: "auto" }, value));
    const bdi = (text) => text && h("bdi", {}, text);
    const url = new URL(tracking(`track/${encodeURIComponent(each.order_number)}`));
    this.body.replaceChildren(
      h("p", { class: `badge is-${each.status}` }, t(`track.step.${each.status}`)),
      h("dl", { class: "pairs order-facts" },
        row(t("staff.order.number"), h("a", { href: url.href, target: "_blank", rel: "noopener" }, h("bdi", {}, each.order_number))),
        row(t("staff.order.guest"), bdi(each.customer_name)),
        row(t("staff.orders.type"), t(`type.${each.order_type}`)),
        row(t("form.table_number"), each.table_number),
        row(t("form.delivery_address"), bdi(each.delivery_address)),
        row(t("staff.order.priority"), each.priority),
        row(t("staff.order.cook"), bdi(each.processed_by))),
      orderLines(each),
      h("h3", {}, t("track.steps")),
      h("ol", { class: "order-steps" }, each.history.map((step) => h("li", {},
        h("span", { class: "step-name" }, has(`track.step.${step.status}`) ? t(`track.step.${step.status}`) : step.status),
        h("span", { class: "step-time" }, asExactDateTime(step.timestamp)),
        h("span", { class: "quiet" }, t("track.by", { cook: step.changed_by })),
        step.notes && h("span", { class: "step-note" }, h("bdi", {}, step.notes))))));
    this.showActions(each);
  }

  showActions({ status }) {
    const isOpen = ["received", "cooking", "ready"].includes(status);
    const button = (kind, text, onclick) => h("button", { type: "button", class: `button ${kind}`, onclick }, text);
    this.actions.replaceChildren(...[
      status === "ready" && button("button-primary order-complete", t("staff.order.complete"), () => this.send("complete")),
      isOpen && button("button-danger order-cancel", t("staff.order.cancel"), () => this.askReason(status)),
      status === "received" || status === "cooking" ? h("p", { class: "quiet" }, t("staff.order.not_ready")) : null,
    ].filter(Boolean));
  }

  askReason(status) {
    const reason = h("input", { id: "cancel-reason", maxlength: 200, required: true, autocomplete: "off", dir: "auto" });
    const form = h("form", { class: "reason" },
      status !== "received" && h("p", {}, t("staff.order.cancel.late")),
      h("div", { class: "field" }, h("label", { for: "cancel-reason" }, t("staff.order.reason")), reason),
      h("div", { class: "dialog-actions" },
        h("button", { type: "button", class: "button", onclick: () => { this.actions.replaceChildren(); this.load(); } }, t("track.cancel.no")),
        h("button", { type: "submit", class: "button button-danger" }, t("track.cancel.yes"))));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send("cancel", { reason: reason.value.trim() });
    });
    this.actions.replaceChildren(form);
    reason.focus();
  }

  async send(what, value) {
    const { number } = this;
    const buttons = this.actions.querySelectorAll("button");
    buttons.forEach((button) => { button.disabled = true; });
    this.say(null);
    // A look that is on its way shows what was before.
    this.looks += 1;
    const problem = await change("POST", order(`orders/${encodeURIComponent(number)}/${what}`), value);
    this.dispatchEvent(new Event("changed"));
    if (number !== this.number) return;
    buttons.forEach((button) => { button.disabled = false; });
    if (problem === null) this.actions.replaceChildren();
    else this.say(problem || t("staff.unknown"));
    // What is shown is what is: somebody else may have been faster.
    if (problem === null || this.isIdle) await this.load();
    if (problem === null) this.heading.focus();
  }

  say(problem) {
    this.notice.replaceChildren(...(problem ? [h("p", { class: "notice notice-problem", dir: "auto" }, problem)] : []));
  }
}

customElements.define("staff-order", StaffOrder);
