import "./freshness-line.js";
import "./staff-order.js";
import { Unreachable } from "./api.js";
import { asCsv } from "./csv.js";
import { h, setText } from "./dom.js";
import { asMoney, shortNumber } from "./format.js";
import { Live } from "./live.js";
import { asDateTime, orderColumns, orderRow } from "./order-fields.js";
import { ask } from "./staff-api.js";
import { t } from "./texts.js";
import { tracking } from "./urls.js";

const POLL_MS = 5_000;
const PAGE = 20;
const TYPING_MS = 300;
/** Orders of a file at most, and of one answer. */
const MOST_EXPORTED = 10_000;
const EXPORT_PAGE = 100;
const STATUSES = ["received", "cooking", "ready", "completed", "cancelled"];
const TYPES = ["dine_in", "takeout", "delivery"];
const DAYS = ["any", "today", "yesterday", "week"];

/** All orders that fit a filter, a page at a time, and as a file. */
class StaffOrders extends HTMLElement {
  /** The cursors of the pages before this one; null leads to the first. */
  newerPages = [];
  cursor = null;
  next = null;

  connectedCallback() {
    const choice = (name, values, text) => h("div", { class: "field" },
      h("label", { for: `orders-${name}` }, t(`staff.orders.${name}`)),
      h("select", { id: `orders-${name}`, name }, values.map((value) => h("option", { value }, text(value)))));
    this.form = h("form", { class: "filter", role: "search", "aria-label": t("staff.orders.search") },
      h("div", { class: "field filter-text" },
        h("label", { for: "orders-text" }, t("staff.orders.text")),
        h("input", { id: "orders-text", name: "text", type: "search", maxlength: 100, autocomplete: "off", dir: "auto" })),
      choice("status", ["", ...STATUSES], (value) => t(value ? `track.step.${value}` : "staff.orders.all")),
      choice("type", ["", ...TYPES], (value) => t(value ? `type.${value}` : "staff.orders.all")),
      choice("day", DAYS, (value) => t(`staff.orders.day.${value}`)));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.begin(), TYPING_MS);
    });
    this.notice = h("div", { role: "alert" });
    this.list = h("ol", { class: "orders" });
    this.empty = h("p", { class: "empty", role: "status", hidden: true }, t("staff.orders.none"));
    const button = (text, onclick, attributes = {}) => h("button", { type: "button", class: "button", onclick, ...attributes }, text);
    this.newer = button(t("staff.orders.newer"), () => this.turn(this.newerPages.pop() ?? null));
    this.older = button(t("staff.orders.older"), () => {
      this.newerPages.push(this.cursor);
      this.turn(this.next);
    });
    this.export = button(t("staff.orders.export"), () => this.save(), { class: "button export" });
    this.details = h("staff-order");
    this.details.addEventListener("changed", () => this.live.askNow());
    this.freshness = h("freshness-line");
    this.append(this.freshness, this.form, this.notice, this.list, this.empty,
      h("div", { class: "paging" }, this.newer, this.older, this.export), this.details);
    document.addEventListener("changes", () => this.live.askNow());
    this.live = new Live({ stream: null, poll: () => this.ask(), every: POLL_MS });
    this.freshness.follow(this.live, this);
    this.live.start();
  }

  /** The filter, as parameters. */
  parameters() {
    const { text, status, type, day } = this.form.elements;
    const parameters = new URLSearchParams();
    for (const field of [text, status, type]) if (field.value.trim()) parameters.set(field.name, field.value.trim());
    const { since, until } = limitsOf(day.value);
    if (since) parameters.set("since", since.toISOString());
    if (until) parameters.set("until", until.toISOString());
    return parameters;
  }

  begin() {
    this.newerPages = [];
    this.turn(null);
  }

  turn(cursor) {
    this.cursor = cursor;
    this.turns = (this.turns ?? 0) + 1;
    this.ask().then(() => this.live.prove(), (why) => {
      if (!(why instanceof Unreachable)) throw why;
      this.say(t("staff.no_connection"));
    });
  }

  async page(parameters, cursor, limit) {
    if (cursor) parameters.set("cursor", cursor);
    else parameters.delete("cursor");
    parameters.set("limit", limit);
    const { status, body } = await ask(tracking(`orders?${parameters}`));
    if (status === 400) return { problem: body?.detail ?? t("staff.failed") };
    if (status !== 200) throw new Unreachable(`status ${status}`);
    return body;
  }

  async ask() {
    const turns = this.turns;
    const page = await this.page(this.parameters(), this.cursor, PAGE);
    // Another filter, or another page, is wanted by now.
    if (turns !== this.turns) return;
    this.say(page.problem);
    if (page.problem) return;
    this.next = page.next_cursor;
    const rows = JSON.stringify(page.orders);
    if (rows !== this.shown) {
      this.shown = rows;
      const focused = this.list.contains(document.activeElement) && document.activeElement.dataset.number;
      this.list.replaceChildren(...page.orders.map((each) => this.row(each)));
      if (focused) this.list.querySelector(`[data-number="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    }
    this.empty.hidden = page.orders.length > 0;
    setText(this.empty, t(this.next ? "staff.orders.none_here" : "staff.orders.none"));
    this.newer.disabled = this.cursor === null && this.newerPages.length === 0;
    this.older.disabled = !this.next;
  }

  row(each) {
    const place = each.table_number ? t("staff.orders.table", { table: each.table_number }) : "";
    return h("li", { class: `order-row card is-${each.status}` },
      h("p", { class: "order-number" }, h("bdi", { "aria-hidden": "true" }, shortNumber(each.order_number)), h("bdi", { class: "quiet" }, each.order_number)),
      h("p", { class: "order-who" }, h("bdi", {}, each.customer_name)),
      h("p", { class: "badge" }, t(`track.step.${each.status}`)),
      h("p", { class: "order-how" }, [t(`type.${each.order_type}`), place].filter(Boolean).join(" · ")),
      h("p", { class: "order-when quiet" }, asDateTime(each.created_at)),
      h("p", { class: "order-total" }, asMoney(each.total_amount)),
      h("button", {
        type: "button", class: "button order-open", "data-number": each.order_number,
        "aria-label": t("staff.orders.show_number", { number: each.order_number }),
        onclick: () => this.details.open(each.order_number),
      }, t("staff.orders.show")));
  }

  say(problem) {
    this.notice.replaceChildren(...(problem ? [h("p", { class: "notice notice-problem", dir: "auto" }, problem)] : []));
  }

  /** Saves all that the filter shows. */
  async save() {
    this.export.disabled = true;
    this.export.classList.add("is-busy");
    try {
      const parameters = this.parameters();
      const rows = [orderColumns];
      let cursor = null;
      do {
        const page = await this.page(parameters, cursor, EXPORT_PAGE);
        if (page.problem) return this.say(page.problem);
        rows.push(...page.orders.map(orderRow));
        cursor = page.next_cursor;
        setText(this.export, t("staff.orders.exporting", { n: rows.length - 1 }));
      } while (cursor && rows.length <= MOST_EXPORTED);
      this.say(cursor ? t("staff.orders.cut", { most: MOST_EXPORTED }) : null);
      const file = URL.createObjectURL(new Blob([asCsv(rows.slice(0, MOST_EXPORTED + 1))], { type: "text/csv;charset=utf-8" }));
      h("a", { href: file, download: `orders-${new Date().toISOString().slice(0, 10)}.csv` }).click();
      setTimeout(() => URL.revokeObjectURL(file), 60_000);
    } catch (why) {
      if (!(why instanceof Unreachable)) throw why;
      this.say(t("staff.no_connection"));
    } finally {
      this.export.disabled = false;
      this.export.classList.remove("is-busy");
      setText(this.export, t("staff.orders.export"));
    }
  }
}

/** Begin and end of days of the one who looks, as far as they have any. */
function limitsOf(day) {
  const days = { today: 0, yesterday: 1, week: 6 }[day];
  if (days === undefined) return {};
  return { since: midnight(days), until: day === "yesterday" ? midnight(0) : null };
}

/** The begin of today, or of so many days before. */
function midnight(days) {
  const begin = new Date();
  begin.setHours(0, 0, 0, 0);
  begin.setDate(begin.getDate() - days);
  return begin;
}

customElements.define("staff-orders", StaffOrders);
