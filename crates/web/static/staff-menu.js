import "./freshness-line.js";
import { Unreachable } from "./api.js";
import { h, setText } from "./dom.js";
import { asMoney } from "./format.js";
import { Live } from "./live.js";
import { again, ask, change, read } from "./staff-api.js";
import { t } from "./texts.js";
import { order } from "./urls.js";

const POLL_MS = 5_000;
const MOST_PIECES = 1_000_000_000;

/** An item of the menu: whether it is to be had, and how much of it is left. */
class StaffItem extends HTMLElement {
  connectedCallback() {
    if (this.firstChild) return;
    const { id, name } = this.item;
    const button = (kind, text, onclick) => h("button", { type: "button", class: `button ${kind}`, onclick, "aria-label": `${text}: ${name}` }, text);
    this.badge = h("p", { class: "badge" });
    this.left = h("p", { class: "item-left" });
    this.price = h("p", { class: "quiet" });
    this.count = h("input", { id: `pieces-${id}`, type: "number", min: 0, max: MOST_PIECES, step: 1, inputmode: "numeric" });
    this.out = button("item-86", t("staff.menu.sold_out"), () => this.send("POST", `menu/items/${id}/sold-out`, { until: this.until() }));
    this.back = button("item-back button-primary", t("staff.menu.back"), () => this.send("POST", `menu/items/${id}/back`, {}));
    this.more = button("item-restock", t("staff.menu.restock"), () => this.send("POST", `inventory/${id}/restock`, { quantity: Number(this.count.value) }, 1));
    this.set = button("item-set", t("staff.menu.set"), () => this.send("PUT", `inventory/${id}`, { left: Number(this.count.value) }, 0));
    this.free = button("item-unlimited button-quiet", t("staff.menu.unlimited"), () => this.send("PUT", `inventory/${id}`, { left: null }));
    this.notice = h("div", { class: "item-notice", role: "alert" });
    this.append(
      h("h4", { class: "item-title" }, h("bdi", {}, name)), this.price, this.badge, this.left,
      h("div", { class: "item-switch" }, this.out, this.back),
      h("div", { class: "item-stock" },
        h("div", { class: "field" }, h("label", { for: `pieces-${id}` }, t("staff.menu.pieces")), this.count),
        this.more, this.set, this.free),
      this.notice);
    this.show();
  }

  show() {
    if (!this.badge) return;
    const { price, sold_out: isOut, left } = this.item;
    const isLimited = typeof left === "number";
    this.classList.toggle("is-gone", isOut);
    setText(this.price, asMoney(price));
    setText(this.badge, isOut ? t("menu.sold_out") : "");
    this.badge.hidden = !isOut;
    setText(this.left, isLimited ? t("staff.menu.left", { n: left }) : t("staff.menu.no_limit"));
    // Whatever is used up comes back with new pieces.
    this.out.hidden = isOut;
    this.back.hidden = !isOut || left === 0;
    this.more.hidden = !isLimited;
    this.free.hidden = !isLimited;
  }

  async send(method, path, value, least) {
    this.notice.replaceChildren();
    if (least !== undefined && (this.count.value === "" || !this.count.checkValidity() || Number(this.count.value) < least)) {
      this.say(t("staff.menu.need", { least }));
      this.count.focus();
      return;
    }
    const buttons = [...this.querySelectorAll("button")];
    const pressed = document.activeElement;
    buttons.forEach((button) => { button.disabled = true; });
    const problem = await change(method, order(path), value);
    buttons.forEach((button) => { button.disabled = false; });
    if (problem !== null) this.say(problem || t("staff.failed"));
    else if (least !== undefined) this.count.value = "";
    await this.refresh();
    // The button may have made room for its opposite.
    const next = pressed?.checkVisibility?.() ? pressed : buttons.find((button) => button.checkVisibility());
    next?.focus({ preventScroll: true });
  }

  say(text) {
    this.notice.replaceChildren(h("p", { class: "notice notice-problem", dir: "auto" }, text));
  }
}

/** The menu, by categories, with its stock. */
class StaffMenu extends HTMLElement {
  items = new Map();
  looks = 0;

  connectedCallback() {
    const radio = (value, checked) => h("label", {},
      h("input", { type: "radio", name: "until", value, checked }), h("span", {}, t(`staff.menu.until.${value}`)));
    this.until = h("fieldset", { class: "choices" }, h("legend", {}, t("staff.menu.until")),
      h("div", { class: "segments" }, radio("end_of_day", true), radio("further_notice", false)));
    this.list = h("div", { class: "stock" });
    this.off = h("p", { class: "notice", hidden: true }, t("staff.menu.off"));
    this.freshness = h("freshness-line");
    this.append(this.freshness, this.off, this.until, this.list);
    this.live = new Live({ stream: null, poll: () => this.ask(), every: POLL_MS });
    this.freshness.follow(this.live, this);
    this.live.start();
  }

  async ask() {
    const look = ++this.looks;
    const [menu, stock] = await Promise.all([ask(order("menu")), read(order("inventory"))]);
    // Somebody has looked again since, after a change perhaps.
    if (look !== this.looks) return;
    const isOff = menu.status === 404;
    this.off.hidden = !isOff;
    this.until.hidden = isOff;
    this.list.hidden = isOff;
    if (isOff) return;
    if (menu.status !== 200) throw new Unreachable(`status ${menu.status}`);
    const left = new Map(stock.items.map((each) => [each.item_id, each.left]));
    const categories = menu.body.categories.map(({ name, items }) => ({
      name, items: items.map((item) => ({ ...item, left: left.get(item.id) ?? null })),
    }));
    const layout = JSON.stringify(categories.map(({ name, items }) => [name, items.map((item) => [item.id, item.name])]));
    if (layout !== this.layout) {
      this.layout = layout;
      this.build(categories);
    }
    for (const item of categories.flatMap(({ items }) => items)) {
      const element = this.items.get(item.id);
      element.item = item;
      element.show();
    }
  }

  build(categories) {
    this.items = new Map();
    this.list.replaceChildren(...categories.map(({ name, items }) => h("section", {},
      h("h3", {}, h("bdi", {}, name)),
      ...items.map((item) => {
        const element = document.createElement("staff-item");
        element.item = item;
        element.id = `stock-${item.id}`;
        element.className = "card";
        element.until = () => this.until.querySelector(":checked").value;
        element.refresh = () => again(() => this.ask());
        this.items.set(item.id, element);
        return element;
      }))));
  }
}

customElements.define("staff-item", StaffItem);
customElements.define("staff-menu", StaffMenu);
