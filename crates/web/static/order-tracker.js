import "./cancel-order.js";
import "./freshness-line.js";
import "./own-order.js";
import "./sound-switch.js";
import { Unreachable, send } from "./api.js";
import { now } from "./clock.js";
import { h, setText } from "./dom.js";
import { asClock, asExactClock, shortNumber } from "./format.js";
import { Live } from "./live.js";
import { has, t } from "./texts.js";
import { order, page, tracking } from "./urls.js";

const STEPS = ["received", "cooking", "ready", "completed"];
const ESTIMATE_MS = 10_000;
const SOON_MS = 30_000;

/** One order: what has happened to it, who cooks it, and when it will be ready. */
class OrderTracker extends HTMLElement {
  /** The history, oldest first: { status, changed_by, timestamp }. */
  history = [];
  /** Its type; null until it is known. */
  type = null;

  /** Shows this order from now on. */
  open(number, token) {
    this.number = number;
    this.build(token);
    this.live = new Live({
      stream: tracking(`orders/${encodeURIComponent(number)}/events`),
      poll: () => this.ask(),
    });
    this.live.addEventListener("event", ({ detail }) => this.take(detail));
    this.freshness.follow(this.live, this);
    this.live.start();
    setInterval(() => this.askEstimate(), ESTIMATE_MS);
    setInterval(() => this.showEstimate(), 1_000);
  }

  build(token) {
    const short = shortNumber(this.number);
    this.headline = h("h1", {});
    this.words = h("p", { class: "lead" });
    this.reason = h("p", { dir: "auto", hidden: true });
    this.estimateLine = h("p", { class: "ticket-eta", hidden: true });
    this.ahead = h("p", { class: "lead", hidden: true });
    this.steps = h("ol", { class: "steps", "aria-label": t("track.steps") });
    this.sound = h("sound-switch");
    this.cancelling = h("cancel-order");
    this.own = h("own-order");
    this.own.addEventListener("order", ({ detail }) => this.showOwn(detail));
    this.freshness = h("freshness-line");
    this.ticket = h("article", { class: "ticket card" },
      h("div", { class: "ticket-head" },
        h("p", { class: "ticket-label" }, t("track.order")),
        h("p", { class: "ticket-number" },
          h("bdi", { "aria-hidden": "true" }, short), h("bdi", { class: "visually-hidden" }, this.number)),
        h("p", { class: "ticket-whole", "aria-hidden": "true" }, h("bdi", {}, this.number)),
        h("div", { class: "ticket-news", "aria-live": "polite" }, this.headline, this.words, this.reason),
        this.estimateLine, this.ahead),
      this.steps, this.own,
      h("div", { class: "ticket-actions" }, this.sound, this.cancelling));
    this.replaceChildren(this.freshness, this.ticket,
      h("p", { class: "ticket-again" }, h("a", { href: page(order("")) }, t("track.again"))));
    this.ticket.hidden = true;
    this.cancelling.open(this.number, token, () => this.live.askNow());
    this.own.open(this.number, token);
  }

  /** An event of the stream. It may be one that is known from polling. */
  take({ type, data }) {
    if (type !== "status") return;
    const event = JSON.parse(data);
    if (event.order_number !== this.number) return;
    const isKnown = this.history.some(({ status, timestamp }) => status === event.status && timestamp === event.timestamp);
    if (!isKnown) this.show([...this.history, event]);
  }

  async ask() {
    const answer = await send(tracking(`orders/${encodeURIComponent(this.number)}/history`));
    if (answer.status !== 200 || !Array.isArray(answer.body)) throw new Unreachable(`status ${answer.status}`);
    // The stream may be ahead of an answer that took long.
    if (answer.body.length >= this.history.length) this.show(answer.body);
  }

  show(history) {
    const before = this.history.at(-1)?.status;
    this.history = history.toSorted((one, other) => Date.parse(one.timestamp) - Date.parse(other.timestamp));
    const status = this.history.at(-1)?.status;
    this.removeAttribute("aria-busy");
    this.ticket.hidden = false;
    if (status === before) return;
    const short = shortNumber(this.number);
    const mark = { ready: "✓ ", cancelled: "✕ " }[status] ?? "";
    document.title = mark + t("track.title_status", { short, status: t(`track.step.${status}`) });
    setText(this.headline, t(`track.headline.${status}`));
    this.showWords();
    for (const name of ["ready", "cancelled", "completed"]) this.ticket.classList.toggle(`is-${name}`, status === name);
    this.showSteps(status);
    this.cancelling.allow(status === "received");
    this.reason.hidden = true;
    // Only whoever ordered learns why.
    if (status === "cancelled") this.own.load();
    this.sound.hidden = ["ready", "completed", "cancelled"].includes(status);
    if (status === "ready" && before) this.sound.play(3);
    this.estimate = null;
    this.showEstimate();
    this.askEstimate();
  }

  /** What comes next. A guest who should fetch nothing is not asked to. */
  showWords() {
    const status = this.history.at(-1)?.status;
    const cook = this.lastOf("cooking")?.changed_by ?? "";
    const isOfType = has(`track.lead.${status}.${this.type}`);
    const isOfAll = has(`track.lead.${status}`);
    setText(this.words, isOfType ? t(`track.lead.${status}.${this.type}`) : isOfAll ? t(`track.lead.${status}`, { cook }) : "");
  }

  /** The whole order says more than its history, to whoever placed it. */
  showOwn(order) {
    this.type = order.order_type;
    this.showWords();
    const reason = order.history.findLast(({ status }) => status === "cancelled")?.reason;
    setText(this.reason, reason ? t("track.reason", { reason }) : "");
    this.reason.hidden = !reason;
  }

  lastOf(status) {
    return this.history.findLast((entry) => entry.status === status);
  }

  showSteps(status) {
    // A cancelled order ends where it was; an order that was recalled is cooking again.
    const names = status === "cancelled"
      ? [...STEPS.filter((name) => name !== "completed" && this.lastOf(name)), "cancelled"]
      : STEPS;
    const present = names.indexOf(status);
    this.steps.replaceChildren(...names.map((name, index) => {
      const entry = index <= present ? this.lastOf(name) : null;
      const cook = name === "cooking" && entry ? entry.changed_by : null;
      return h("li", { class: index <= present ? "is-done" : "", "aria-current": index === present && "step", "data-step": name },
        h("span", {}, t(`track.step.${name}`), cook && h("bdi", { class: "step-by" }, t("track.by", { cook }))),
        entry && h("time", { class: "step-time", datetime: entry.timestamp }, asExactClock(new Date(entry.timestamp))));
    }));
  }

  /**
   * Asks when it will be ready, and of which type it is. An order that became ready just now has no
   * range any more.
   */
  async askEstimate() {
    const status = this.history.at(-1)?.status;
    if (this.type && !["received", "cooking"].includes(status)) return;
    try {
      const answer = await send(tracking(`orders/${encodeURIComponent(this.number)}/estimate`));
      if (answer.status === 200) {
        this.estimate = answer.body?.latest ? answer.body : null;
        this.type = answer.body?.order_type ?? this.type;
        this.showWords();
      }
    } catch (why) {
      if (!(why instanceof Unreachable)) throw why;
    }
    this.showEstimate();
  }

  showEstimate() {
    const status = this.history.at(-1)?.status;
    const isAwaited = this.estimate && ["received", "cooking"].includes(status);
    this.estimateLine.hidden = !isAwaited;
    const ahead = isAwaited && status === "received" ? this.estimate.ahead : undefined;
    this.ahead.hidden = typeof ahead !== "number";
    if (!isAwaited) return;
    // Never before now.
    const earliest = Math.max(Date.parse(this.estimate.earliest), now());
    const latest = Math.max(Date.parse(this.estimate.latest), now());
    const [from, to] = [asClock(earliest), asClock(latest)];
    setText(this.estimateLine, latest - now() < SOON_MS ? t("track.estimate.any")
      : from === to ? t("track.estimate.at", { time: to })
      : t("track.estimate", { earliest: from, latest: to }));
    if (typeof ahead === "number") setText(this.ahead, t("track.ahead", { n: ahead }));
  }
}

customElements.define("order-tracker", OrderTracker);
