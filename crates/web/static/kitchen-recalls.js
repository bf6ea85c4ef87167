import { h, setText } from "./dom.js";
import { asExactClock, shortNumber } from "./format.js";
import { t } from "./texts.js";

/**
 * What was finished here lately, to choose from: a button with their number, and a dialog with all
 * of them. Digits choose one of the first ten, arrows move. `onRecall` gets the ticket that was
 * chosen.
 */
export class RecallList {
  constructor({ onRecall }) {
    this.onRecall = onRecall;
    this.button = h("button", { type: "button", class: "button kitchen-done-open", onclick: () => this.open() });
    this.list = h("ul", { class: "kitchen-done" });
    this.none = h("p", {}, t("kitchen.nothing_to_recall"));
    this.dialog = h("dialog", { "aria-labelledby": "kitchen-done" },
      h("div", { class: "dialog-words" }, h("h2", { id: "kitchen-done", tabindex: "-1", autofocus: true }, t("kitchen.done.heading")), this.none, this.list),
      h("div", { class: "dialog-actions" }, h("button", { type: "button", class: "button", onclick: () => this.dialog.close() }, t("kitchen.close"))));
    this.dialog.addEventListener("keydown", (event) => this.onKey(event));
    this.rows = new Map();
    this.show([]);
  }

  open() {
    if (!this.dialog.open) this.dialog.showModal();
  }

  onKey(event) {
    const { key } = event;
    const buttons = [...this.list.querySelectorAll("button")];
    const place = buttons.indexOf(document.activeElement);
    if (event.repeat && key === "Enter") event.preventDefault();
    else if (/^\d$/.test(key)) buttons[key === "0" ? 9 : Number(key) - 1]?.click();
    else if (key === "ArrowDown") buttons[Math.min(place + 1, buttons.length - 1)]?.focus();
    else if (key === "ArrowUp") buttons[Math.max(place - 1, 0)]?.focus();
    else return;
    event.preventDefault();
    // The dialog may be closed by now, and the key is not meant for the tickets.
    event.stopPropagation();
  }

  /** Shows these tickets, the latest first. A row that stays keeps the focus. */
  show(done) {
    setText(this.button, t("kitchen.done", { n: done.length }));
    this.none.hidden = done.length > 0;
    const wanted = new Set(done.map(({ order_number }) => order_number));
    for (const [number, { item }] of this.rows) {
      if (wanted.has(number)) continue;
      item.remove();
      this.rows.delete(number);
    }
    done.forEach((ticket, place) => {
      const row = this.rows.get(ticket.order_number) ?? this.row(ticket.order_number);
      row.ticket = ticket;
      row.key.hidden = place >= 10;
      setText(row.key, String((place + 1) % 10));
      setText(row.words, t("kitchen.done.row", {
        type: t(`type.${ticket.order_type}`), time: asExactClock(new Date(ticket.updated_at)), cook: ticket.changed_by ?? "",
      }));
      if (this.list.children[place] !== row.item) this.list.insertBefore(row.item, this.list.children[place] ?? null);
    });
  }

  row(number) {
    const row = { key: h("kbd", { "aria-hidden": "true" }), words: h("bdi", {}) };
    const choose = () => {
      this.dialog.close();
      this.onRecall(row.ticket);
    };
    row.item = h("li", {}, h("button", { type: "button", class: "button", onclick: choose },
      row.key, h("b", { "aria-hidden": "true" }, shortNumber(number)), h("span", { class: "visually-hidden" }, t("kitchen.recall_of", { number })), " ", row.words));
    this.rows.set(number, row);
    return row;
  }
}
