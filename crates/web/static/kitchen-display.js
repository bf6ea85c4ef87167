import "./kitchen-ticket.js";
import "./sound-switch.js";
import { h, setText } from "./dom.js";
import { asExactClock, shortNumber } from "./format.js";
import { asAge } from "./kitchen-ages.js";
import { KitchenFeed } from "./kitchen-feed.js";
import * as keys from "./kitchen-keys.js";
import { RecallList } from "./kitchen-recalls.js";
import * as steps from "./kitchen-steps.js";
import { fullScreenButton, keepAwake, keysDialog } from "./kitchen-tools.js";
import { load, save } from "./storage.js";
import { t } from "./texts.js";

const TYPES = ["dine_in", "takeout", "delivery"];
const FILTER = "kitchen.types";
/** Sizes of the tickets, the largest first: as large as ten fit. */
const DENSITIES = 4;
const FITTING = 10;
const MESSAGE_MS = 8_000;
/** The second half of a double tap on Recall recalls nothing more. */
const DOUBLE_TAP_MS = 400;
/** A scanner that reads one label twice means it once. */
const DOUBLE_SCAN_MS = 1_000;

/** The kitchen's tickets. With the attribute "actions" a cook works with it. */
class KitchenDisplay extends HTMLElement {
  connectedCallback() {
    this.isWorker = this.hasAttribute("actions");
    this.types = new Set(load(FILTER) ?? TYPES);
    this.shown = new Map();
    /** The orders of which a step is on its way. */
    this.underWay = new Set();
    this.list = h("div", { class: "kitchen-tickets", role: "list", "aria-label": t("kitchen.title") });
    this.empty = h("p", { class: "kitchen-empty", role: "status" });
    this.banner = h("div", { class: "kitchen-banner", role: "alert" });
    this.message = h("p", { class: "kitchen-message", role: "status", hidden: true });
    this.allDay = h("ul", {});
    // It scrolls, also by the keyboard.
    this.allDayPart = h("div", { class: "kitchen-all-day", role: "region", "aria-label": t("kitchen.all_day"), tabindex: "0", hidden: true }, this.allDay);
    this.times = h("p", { class: "kitchen-times" });
    this.stops = h("p", { class: "kitchen-stops", role: "status", hidden: true }, t("kitchen.stops"));
    this.clock = h("span", { class: "kitchen-clock" });
    this.sound = h("sound-switch", { off: t("kitchen.sound_off") });
    this.dialog = keysDialog({ isWorker: this.isWorker });
    this.recallButton = h("button", { type: "button", class: "button kitchen-recall", onclick: () => this.recallLast() }, t("kitchen.recall"));
    this.recalls = new RecallList({ onRecall: (ticket) => this.recall(ticket) });
    this.replaceChildren(this.header(), this.banner, this.message, this.allDayPart,
      h("div", { class: "kitchen-body" }, this.list, this.empty), this.dialog, this.recalls.dialog);
    this.feed = new KitchenFeed({ isWorker: this.isWorker });
    this.feed.addEventListener("change", () => this.draw());
    this.feed.addEventListener("news", ({ detail }) => this.hear(detail));
    this.feed.addEventListener("freshness", ({ detail }) => this.judge(detail));
    this.feed.addEventListener("signedout", () => location.reload());
    keepAwake();
    keys.listen(this.commands());
    new ResizeObserver(() => this.fit()).observe(this.list);
    this.feed.start();
  }

  header() {
    this.filters = TYPES.map((type) => h("label", {},
      h("input", { type: "checkbox", checked: this.types.has(type), onchange: ({ target }) => this.filter(type, target.checked) }),
      h("span", {}, t(`type.${type}`), " ", h("b", { class: "kitchen-of-type" }))));
    return h("div", { class: "kitchen-bar" },
      h("fieldset", { class: "choices kitchen-filter" }, h("legend", { class: "visually-hidden" }, t("kitchen.filter")), h("div", { class: "segments" }, this.filters)),
      this.times, this.clock, this.stops,
      h("div", { class: "kitchen-tools" },
        this.isWorker && [this.recallButton, this.recalls.button],
        this.sound, fullScreenButton(),
        this.isWorker && h("button", { type: "button", class: "button", "aria-label": t("kitchen.keys"), onclick: () => this.dialog.showModal() }, "?")));
  }

  commands() {
    const ifWorker = (command) => (...values) => { if (this.isWorker) command(...values); };
    return {
      choose: (place) => this.choose(this.visible[place]?.order_number),
      move: (dx, dy) => this.move(dx, dy),
      enter: () => this.enter(),
      recall: ifWorker(() => this.recallLast()),
      done: ifWorker(() => this.recalls.open()),
      help: () => this.dialog.showModal(),
      scan: (text) => this.scan(text),
    };
  }

  filter(type, isWanted) {
    if (isWanted) this.types.add(type);
    else this.types.delete(type);
    save(FILTER, [...this.types]);
    this.draw();
  }

  get visible() {
    return this.feed.inOrder().filter(({ order_type }) => this.types.has(order_type));
  }

  /** What can be recalled of the types that are shown, the latest first. */
  get done() {
    return this.feed.done.filter(({ order_type }) => this.types.has(order_type));
  }

  draw() {
    this.removeAttribute("aria-busy");
    const tickets = this.visible;
    if (!tickets.some(({ order_number }) => order_number === this.chosen)) this.chosen = undefined;
    const handlers = {
      onStep: (ticket) => this.step(ticket),
      onTick: (ticket, line, done) => this.tick(ticket, line, done),
      onDismiss: (ticket) => this.feed.dismiss(ticket.order_number),
    };
    const wanted = new Set(tickets.map(({ order_number }) => order_number));
    for (const [number, element] of this.shown) {
      if (wanted.has(number)) continue;
      element.remove();
      this.shown.delete(number);
    }
    tickets.forEach((ticket, place) => {
      const number = ticket.order_number;
      const element = this.shown.get(number) ?? h("kitchen-ticket");
      this.shown.set(number, element);
      if (this.list.children[place] !== element) this.list.insertBefore(element, this.list.children[place] ?? null);
      const key = this.isWorker && place < 10 ? String((place + 1) % 10) : null;
      element.show(ticket, { key, isChosen: number === this.chosen, isWorker: this.isWorker, handlers });
    });
    const [last] = this.done;
    setText(this.recallButton, last ? t("kitchen.recall_last", { short: shortNumber(last.order_number) }) : t("kitchen.recall"));
    this.recalls.show(this.done);
    this.stops.hidden = !this.feed.isStopping;
    this.count();
    this.explain(tickets.length);
    this.fit();
  }

  /** All-day counts come from the tickets themselves. */
  count() {
    const counts = new Map();
    const ofType = Object.fromEntries(TYPES.map((type) => [type, 0]));
    for (const { status, order_type, items } of this.feed.tickets.values()) {
      if (status === "cancelled") continue;
      ofType[order_type] += 1;
      for (const { name, quantity } of items) {
        const count = counts.get(name) ?? { received: 0, cooking: 0 };
        count[status] += quantity;
        counts.set(name, count);
      }
    }
    this.filters.forEach((label, index) => setText(label.querySelector("b"), String(ofType[TYPES[index]])));
    const sorted = [...counts].sort(([one, a], [other, b]) => b.received - a.received || one.localeCompare(other));
    this.allDay.replaceChildren(...sorted.map(([name, { received, cooking }]) => h("li", {},
      h("b", {}, String(received)), " ", h("bdi", {}, name), cooking > 0 && h("small", {}, t("kitchen.on_stove", { n: cooking })))));
    this.allDayPart.hidden = sorted.length === 0;
    const times = this.feed.times.map(({ order_type, median_seconds, p90_seconds }) => t("kitchen.time_of", {
      type: t(`type.${order_type}`), median: asAge(median_seconds), p90: asAge(p90_seconds) }));
    setText(this.times, times.join(" · "));
  }

  /** An empty board says why it is empty. */
  explain(visible) {
    const hidden = this.feed.tickets.size - visible;
    this.empty.hidden = visible > 0;
    if (visible > 0) return;
    if (this.isCut && this.since) setText(this.empty, t("kitchen.cut_since", { time: asExactClock(this.since) }));
    else if (!this.feed.isKnown || this.isCut) setText(this.empty, t("live.connecting"));
    else setText(this.empty, hidden > 0 ? t("kitchen.hidden", { n: hidden }) : t("kitchen.none"));
  }

  judge({ isStale, since, cause }) {
    const key = `${isStale} ${cause}`;
    this.isCut = isStale;
    this.cause = cause;
    if (!isStale || !this.since) this.since = since;
    this.classList.toggle("is-stale", isStale);
    this.classList.toggle("is-incomplete", isStale && cause === "broker");
    setText(this.clock, isStale || !since ? "" : t("live.live", { time: asExactClock(since) }));
    for (const element of this.shown.values()) element.tick();
    if (key === this.judged) return;
    this.judged = key;
    this.banner.replaceChildren(...(isStale && this.feed.isKnown ? [
      h("p", { class: "kitchen-cut" }, t(`kitchen.cut.${cause ?? "network"}`, { time: asExactClock(this.since ?? new Date()) })),
      h("p", {}, t(cause === "broker" ? "kitchen.cut_next.broker" : "kitchen.cut_next"))] : []));
    this.explain(this.visible.length);
  }

  /** Makes the tickets as large as ten of them fit. */
  fit() {
    const items = [...this.list.children].slice(0, FITTING);
    // On a small screen the page scrolls instead.
    const isBounded = getComputedStyle(this.list.parentElement).overflowY !== "visible";
    const bottom = this.getBoundingClientRect().bottom;
    for (let density = 0; density < DENSITIES; density++) {
      this.list.dataset.density = density;
      if (!isBounded || items.every((item) => item.getBoundingClientRect().bottom <= bottom + 1)) break;
    }
  }

  hear({ kind, ticket }) {
    if (!this.types.has(ticket.order_type)) return;
    this.sound.play(kind === "cancelled" ? 2 : 1);
    if (kind === "cancelled") this.say(t("kitchen.was_cancelled", { short: shortNumber(ticket.order_number) }));
  }

  say(text) {
    clearTimeout(this.saying);
    setText(this.message, text);
    this.message.hidden = false;
    this.saying = setTimeout(() => { this.message.hidden = true; }, MESSAGE_MS);
  }

  choose(number) {
    if (!number) return;
    this.chosen = number;
    this.draw();
    this.shown.get(number)?.scrollIntoView({ block: "nearest" });
  }

  move(dx, dy) {
    const tickets = this.visible;
    const place = tickets.findIndex(({ order_number }) => order_number === this.chosen);
    const columns = getComputedStyle(this.list).gridTemplateColumns.split(" ").length;
    const next = place < 0 ? 0 : place + dx + dy * columns;
    this.choose(tickets[Math.min(Math.max(next, 0), tickets.length - 1)]?.order_number);
  }

  enter() {
    const ticket = this.feed.tickets.get(this.chosen);
    if (ticket) this.act(ticket);
  }

  /** Does what comes next with a ticket. */
  act(ticket) {
    if (ticket.status === "cancelled") this.feed.dismiss(ticket.order_number);
    else if (this.isWorker) return this.step(ticket);
  }

  /**
   * A scan names its order: it counts whether or not the filter shows it. Each says what came of
   * it.
   */
  scan(text) {
    const isMeant = ({ order_number: number }) => number === text || shortNumber(number) === text;
    const short = shortNumber(text);
    const found = [...this.feed.tickets.values()].filter(isMeant);
    if (found.length > 1) return this.say(t("kitchen.scan.several", { short }));
    const [ticket] = found;
    if (!ticket) {
      const done = this.feed.done.find(isMeant);
      if (!done) return this.say(t("kitchen.not_here", { short }));
      return this.say(t("kitchen.scan.done", { short, time: asExactClock(new Date(done.updated_at)) }));
    }
    const number = ticket.order_number;
    const before = this.scanned;
    this.scanned = { number, at: performance.now() };
    if (before?.number === number && this.scanned.at - before.at < DOUBLE_SCAN_MS) return this.say(t("kitchen.scan.twice", { short }));
    this.choose(number);
    if (!this.types.has(ticket.order_type)) this.say(t("kitchen.scan.hidden", { short, type: t(`type.${ticket.order_type}`) }));
    if (ticket.status !== "cancelled" && this.isWorker) this.make(ticket);
    else this.act(ticket);
  }

  /**
   * Whether a step can be made. What is here can be cooked without the broker, too: only no new
   * orders come in.
   */
  get canStep() {
    return !this.isCut || this.cause === "broker";
  }

  /** A tap, or Enter. The button may have come under the finger just now. */
  step(ticket) {
    if (!this.shown.get(ticket.order_number)?.hasAttribute("data-settling")) this.make(ticket);
  }

  make(ticket) {
    return this.bump(ticket, steps.nextStep(ticket));
  }

  /** Whoever chooses from the list means it: only the button and its key can be tapped twice. */
  recallLast() {
    if (this.recallButton.hasAttribute("data-settling")) return;
    this.recall(this.done[0]);
  }

  /** What is recalled is chosen: Enter finishes it again. */
  async recall(ticket) {
    if (!ticket) return this.say(t("kitchen.nothing_to_recall"));
    this.recallButton.toggleAttribute("data-settling", true);
    try {
      await this.bump(ticket, "recall");
      if (this.feed.tickets.has(ticket.order_number)) this.choose(ticket.order_number);
    } finally {
      clearTimeout(this.recallSettles);
      this.recallSettles = setTimeout(() => this.recallButton.removeAttribute("data-settling"), DOUBLE_TAP_MS);
    }
  }

  async bump(ticket, step) {
    if (!this.canStep) return this.say(t("kitchen.step_cut", { short: shortNumber(ticket.order_number) }));
    const number = ticket.order_number;
    // A second tap would meet the cook's own first one.
    if (this.underWay.has(number)) return;
    this.underWay.add(number);
    const { ticket: changed, message } = await steps.bump(ticket, step).finally(() => this.underWay.delete(number));
    if (changed) this.feed.put(changed);
    else {
      this.say(message);
      this.feed.live.askNow();
    }
  }

  async tick(ticket, line, done) {
    const changed = await steps.tick(ticket, line, done);
    if (changed) this.feed.put(changed);
    else this.say(t("kitchen.tick_failed", { short: shortNumber(ticket.order_number) }));
  }
}

customElements.define("kitchen-display", KitchenDisplay);
