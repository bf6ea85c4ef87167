import { h, setText } from "./dom.js";
import { shortNumber } from "./format.js";
import { asAge, urgency } from "./kitchen-ages.js";
import { KitchenFeed } from "./kitchen-feed.js";
import { t } from "./texts.js";

/** A button that has just become another one is not pressed by the second half of a double tap. */
const SETTLING_MS = 400;

/**
 * One order on the display. Its parts are made once, and changed: whoever has reached a line or the
 * step by Tab keeps the focus there.
 */
class KitchenTicket extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "listitem");
  }

  /**
   * Shows a ticket. `key` is the digit that chooses it, `isWorker` whether it has actions. The
   * handlers are `onStep`, `onTick` and `onDismiss`.
   */
  show(ticket, { key, isChosen, isWorker, handlers }) {
    this.ticket = ticket;
    this.handlers = handlers;
    const step = `${ticket.status} ${ticket.ours}`;
    if (step !== this.step) {
      this.step = step;
      this.toggleAttribute("data-settling", true);
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.removeAttribute("data-settling"), SETTLING_MS);
    }
    const state = JSON.stringify([ticket, key, isChosen]);
    if (state !== this.state) {
      this.state = state;
      if (!this.head) this.build(ticket, isWorker);
      this.update(ticket, { key, isChosen, isWorker });
    }
    this.tick();
  }

  /** What never changes, and places for what does. */
  build(ticket, isWorker) {
    const number = ticket.order_number;
    this.age = h("span", { class: "kitchen-age" });
    this.word = h("span", { class: "kitchen-word" });
    this.key = h("kbd", { class: "kitchen-key", "aria-hidden": "true" });
    this.priority = h("span", { class: "kitchen-priority" });
    this.where = h("bdi", { class: "kitchen-where" });
    this.head = h("header", { class: "kitchen-head" }, this.key,
      h("h2", { class: "kitchen-number" }, h("bdi", { "aria-hidden": "true" }, shortNumber(number)), h("bdi", { class: "visually-hidden" }, number)),
      h("span", { class: "kitchen-time" }, this.age, this.word),
      h("p", { class: "kitchen-of" }, this.where,
        h("span", { class: "kitchen-type" }, t(`type.${ticket.order_type}`)), this.priority));
    this.note = h("p", { class: "kitchen-note" });
    this.lines = ticket.items.map((item, place) => this.line(item, place, isWorker));
    this.button = h("button", { type: "button", class: "button kitchen-step", onclick: () => this.press() });
    this.replaceChildren(this.head, this.note, h("ul", { class: "kitchen-lines" }, this.lines), this.button);
  }

  line(item, place, isWorker) {
    const words = [h("span", { class: "kitchen-count" }, `${item.quantity}×`), h("bdi", {}, item.name)];
    if (!isWorker) return h("li", {}, words);
    const onclick = () => this.handlers.onTick(this.ticket, place, !this.ticket.items[place].done);
    return h("li", {}, h("button", { type: "button", class: "kitchen-line", onclick }, words));
  }

  update(ticket, { key, isChosen, isWorker }) {
    const isCancelled = ticket.status === "cancelled";
    this.className = `kitchen-ticket is-${ticket.status}`;
    this.classList.toggle("is-chosen", isChosen);
    this.classList.toggle("is-recalled", ticket.recalled === true);
    if (isChosen) this.setAttribute("aria-current", "true");
    else this.removeAttribute("aria-current");
    setText(this.key, key ?? "");
    this.key.hidden = !key;
    setText(this.where, ticket.table_number ? t("kitchen.table", { table: ticket.table_number }) : ticket.customer_name);
    setText(this.priority, ticket.priority > 1 ? t("kitchen.priority", { n: ticket.priority }) : "");
    this.priority.hidden = ticket.priority <= 1;
    setText(this.note, this.remark(ticket));
    this.note.hidden = this.note.textContent === "";
    ticket.items.forEach(({ done }, place) => {
      const line = this.lines[place];
      line.classList.toggle("is-ticked", done === true);
      const button = line.querySelector("button");
      if (!button) return;
      button.setAttribute("aria-pressed", String(done === true));
      button.disabled = isCancelled;
    });
    this.showStep(ticket, isWorker);
  }

  remark(ticket) {
    if (ticket.status === "cancelled") return t(ticket.was_cooking === false ? "kitchen.cancelled" : "kitchen.cancelled_cooking");
    if (ticket.recalled) return t("kitchen.recalled");
    return ticket.status === "cooking" ? t("kitchen.cooked_by", { cook: ticket.processed_by ?? "" }) : "";
  }

  /** The button of the next step. Whoever looks on can only take away what was cancelled. */
  showStep(ticket, isWorker) {
    const isCancelled = ticket.status === "cancelled";
    const isReady = ticket.status === "cooking" && ticket.ours === true;
    this.button.hidden = !isWorker && !isCancelled;
    this.button.classList.toggle("is-ready", isReady);
    this.button.classList.toggle("button-primary", !isReady && !isCancelled);
    const isElsewhere = ticket.status === "cooking" && !ticket.ours;
    const step = t(isCancelled ? "kitchen.seen" : isReady ? "kitchen.ready" : isElsewhere ? "kitchen.take_over" : "kitchen.start");
    setText(this.button, step);
    this.button.setAttribute("aria-label", t("kitchen.step_of", { step, number: shortNumber(ticket.order_number) }));
  }

  press() {
    if (this.ticket.status === "cancelled") this.handlers.onDismiss(this.ticket);
    else this.handlers.onStep(this.ticket);
  }

  /** The age goes on by itself. */
  tick() {
    const seconds = KitchenFeed.age(this.ticket);
    const late = this.ticket.status === "cancelled" ? "ok" : urgency(this.ticket.order_type, seconds);
    setText(this.age, asAge(seconds));
    setText(this.word, late === "ok" ? "" : t(`kitchen.urgency.${late}`));
    if (this.dataset.urgency !== late) this.dataset.urgency = late;
  }
}

customElements.define("kitchen-ticket", KitchenTicket);
