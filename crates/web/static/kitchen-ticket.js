import { h, setText } from "./dom.js";
import { shortNumber } from "./format.js";
import { asAge, urgency } from "./kitchen-ages.js";
import { KitchenFeed } from "./kitchen-feed.js";
import { t } from "./texts.js";

/** A button that has just become another one is not pressed by the second half of a double tap. */
const SETTLING_MS = 400;

/** One order on the display. */
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
      this.draw(ticket, { key, isChosen, isWorker, handlers });
    }
    this.tick();
  }

  draw(ticket, { key, isChosen, isWorker, handlers }) {
    const isCancelled = ticket.status === "cancelled";
    this.className = `kitchen-ticket is-${ticket.status}`;
    this.classList.toggle("is-chosen", isChosen);
    this.classList.toggle("is-recalled", ticket.recalled === true);
    if (isChosen) this.setAttribute("aria-current", "true");
    else this.removeAttribute("aria-current");
    const number = ticket.order_number;
    this.age = h("span", { class: "kitchen-age" });
    this.word = h("span", { class: "kitchen-word" });
    const where = ticket.table_number ? t("kitchen.table", { table: ticket.table_number }) : ticket.customer_name;
    const head = h("header", { class: "kitchen-head" },
      key && h("kbd", { class: "kitchen-key", "aria-hidden": "true" }, key),
      h("h2", { class: "kitchen-number" }, h("bdi", { "aria-hidden": "true" }, shortNumber(number)), h("bdi", { class: "visually-hidden" }, number)),
      h("span", { class: "kitchen-type" }, t(`type.${ticket.order_type}`)),
      h("bdi", { class: "kitchen-where" }, where),
      ticket.priority > 1 && h("span", { class: "kitchen-priority" }, t("kitchen.priority", { n: ticket.priority })),
      h("span", { class: "kitchen-time" }, this.age, this.word));
    const lines = h("ul", { class: "kitchen-lines" }, ticket.items.map((item, place) => this.line(item, place, isWorker && !isCancelled, handlers)));
    this.replaceChildren(head, this.note(ticket), lines, this.action(ticket, isWorker, handlers));
  }

  line(item, place, canTick, handlers) {
    const words = [h("span", { class: "kitchen-count" }, `${item.quantity}×`), h("bdi", {}, item.name)];
    if (!canTick) return h("li", { class: item.done && "is-ticked" }, words);
    return h("li", { class: item.done && "is-ticked" },
      h("button", {
        type: "button", class: "kitchen-line", "aria-pressed": String(item.done === true),
        onclick: () => handlers.onTick(this.ticket, place, !item.done),
      }, words));
  }

  note(ticket) {
    const by = ticket.processed_by ?? "";
    if (ticket.status === "cancelled") {
      const key = ticket.was_cooking === false ? "kitchen.cancelled" : "kitchen.cancelled_cooking";
      return h("p", { class: "kitchen-note" }, t(key));
    }
    if (ticket.recalled) return h("p", { class: "kitchen-note" }, t("kitchen.recalled"));
    if (ticket.status === "cooking") return h("p", { class: "kitchen-note" }, t("kitchen.cooked_by", { cook: by }));
    return null;
  }

  action(ticket, isWorker, handlers) {
    if (ticket.status === "cancelled") {
      return h("button", { type: "button", class: "button kitchen-step", onclick: () => handlers.onDismiss(this.ticket) }, t("kitchen.seen"));
    }
    if (!isWorker) return null;
    const isReady = ticket.status === "cooking" && ticket.ours;
    const key = isReady ? "kitchen.ready" : ticket.status === "cooking" ? "kitchen.take_over" : "kitchen.start";
    return h("button", {
      type: "button", class: `button kitchen-step ${isReady ? "is-ready" : "button-primary"}`,
      "aria-label": t("kitchen.step_of", { step: t(key), number: shortNumber(ticket.order_number) }),
      onclick: () => handlers.onStep(this.ticket),
    }, t(key));
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
