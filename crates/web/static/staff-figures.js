import "./freshness-line.js";
import { observe } from "./clock.js";
import { h, setText } from "./dom.js";
import { asDuration, asLongestDuration } from "./duration.js";
import { Live } from "./live.js";
import { needs } from "./needs.js";
import { Plot } from "./plot.js";
import { read } from "./staff-api.js";
import { follow } from "./stream-source.js";
import { t } from "./texts.js";
import { tracking } from "./urls.js";

/** How often the page looks, at most: also while changes come without end. */
const POLL_MS = 3_000;
/** Times in a status are those of five minutes each, over an hour. */
const PART_MS = 300_000;
const PARTS = 13;
const STATUSES = ["received", "cooking", "ready"];

/**
 * What goes on now: orders of each minute, what is open, how long it takes, and who cooks. It sends
 * "changes" to the document when orders have changed, at most every three seconds.
 */
class StaffFigures extends HTMLElement {
  connectedCallback() {
    this.minutes = new Plot({
      title: t("staff.minutes"),
      first: t("staff.plot.time"),
      series: [
        { label: t("staff.minutes.placed"), name: "key-1", bars: [0.7, 14] },
        { label: t("staff.minutes.ready"), name: "key-2" },
      ],
    });
    this.open = new Plot({
      title: t("staff.open"),
      first: t("staff.orders.type"),
      series: [
        { label: t("staff.open.waiting"), name: "key-3", bars: [0.35, 48], align: -1 },
        { label: t("staff.open.cooking"), name: "key-1", bars: [0.35, 48], align: 1 },
      ],
      labels: ["dine_in", "takeout", "delivery"].map((type) => t(`type.${type}`)),
    });
    this.times = new Plot({
      title: t("staff.times"),
      first: t("staff.plot.time"),
      asText: (minutes) => asDuration(minutes * 60),
      series: STATUSES.map((status, index) => ({ label: t(`staff.times.${status}`), name: `key-${[3, 1, 2][index]}` })),
      whole: false,
    });
    this.types = h("ul", { class: "tiles" });
    this.stays = h("p", { class: "plot-words" });
    this.rate = h("p", { class: "plot-words" });
    this.workers = h("ul", { class: "workers" });
    this.noWorkers = h("p", { class: "empty" }, t("staff.workers.none"));
    this.away = h("ul", { class: "workers" });
    this.awayCount = h("summary", {});
    this.awayPart = h("details", { class: "away" }, this.awayCount, this.away);
    this.freshness = h("freshness-line");
    this.times.table.before(this.stays);
    this.minutes.table.before(this.rate);
    this.append(this.freshness, h("div", { class: "figures" }, this.types,
      h("div", { class: "plots" }, this.minutes.element, this.open.element, this.times.element),
      h("h3", { id: "workers-heading" }, t("staff.workers")), this.workers, this.noWorkers, this.awayPart));
    this.live = new Live({ stream: null, poll: () => this.ask(), every: POLL_MS });
    this.freshness.follow(this.live, this);
    needs.follow("figures", this.live);
    this.live.start();
    // The stream only says that there is something new: what is shown is proved by looking.
    const nothing = () => {};
    follow(tracking("events"), { onEvent: (event) => this.take(event), onCut: nothing, onMissing: nothing });
  }

  take({ type }) {
    if (type !== "heartbeat") this.hasChanges = true;
  }

  async ask() {
    // The other parts look when the figures do.
    if (this.hasChanges) document.dispatchEvent(new Event("changes"));
    this.hasChanges = false;
    const figures = await read(tracking("staff/figures"));
    observe(figures.as_of);
    this.tellNeeds(figures.types);
    this.showTypes(figures);
    this.showMinutes(figures.minutes);
    this.showTimes(figures);
    this.showWorkers(figures);
  }

  /** Orders of a type that nobody cooks wait for ever. */
  tellNeeds(types) {
    const alone = types.filter(({ waiting, cooks }) => waiting > 0 && cooks === 0);
    needs.set("figures", alone.map(({ order_type: type, waiting }) => ({
      key: type,
      text: t("staff.alarm", { n: waiting, type: t(`type.${type}`) }),
      href: "#workers-heading",
      next: t("staff.alarm.next"),
    })));
  }

  showTypes({ as_of: asOf, types }) {
    this.open.show(
      [types.map((_, index) => index), types.map(({ waiting }) => waiting), types.map(({ cooking }) => cooking)],
      t("staff.open"));
    const since = (time) => asDuration((Date.parse(asOf) - Date.parse(time)) / 1000);
    this.types.replaceChildren(...types.map((each) => h("li", { class: "tile card" },
      h("h3", { class: "tile-name" }, t(`type.${each.order_type}`)),
      h("dl", { class: "pairs" },
        pair(t("staff.open.waiting"), each.waiting),
        pair(t("staff.open.cooking"), each.cooking),
        pair(t("staff.open.cooks"), each.cooks, each.waiting > 0 && each.cooks === 0 && "is-bad"),
        pair(t("staff.open.oldest"), each.oldest_waiting ? since(each.oldest_waiting) : "–")))));
  }

  showMinutes(minutes) {
    // The last one is not over.
    const whole = minutes.slice(0, -1);
    const last = whole.at(-1);
    const placed = whole.reduce((sum, each) => sum + each.placed, 0);
    const words = t("staff.minutes.words", {
      last: last?.placed ?? 0, hour: placed, most: whole.reduce((most, each) => Math.max(most, each.placed), 0),
    });
    setText(this.rate, words);
    this.minutes.show([
      whole.map(({ start }) => Date.parse(start) / 1000),
      whole.map((each) => each.placed),
      whole.map((each) => each.ready),
    ], `${t("staff.minutes")}: ${words}`);
  }

  showTimes({ as_of: asOf, time_in_status: stays }) {
    const last = Math.floor(Date.parse(asOf) / PART_MS) * PART_MS;
    const starts = Array.from({ length: PARTS }, (_, index) => last - (PARTS - 1 - index) * PART_MS);
    const value = (start, status) => {
      const found = stays.find((each) => each.start && Date.parse(each.start) === start && each.status === status);
      return found ? found.median_seconds / 60 : null;
    };
    const hour = STATUSES.map((status) => stays.find((each) => !each.start && each.status === status)).filter(Boolean);
    const words = hour.map((each) => t(`staff.times.words.${each.status}`, {
      median: asLongestDuration(each.median_seconds), p90: asLongestDuration(each.p90_seconds),
    })).join(" ");
    setText(this.stays, words || t("staff.times.none"));
    this.times.show([
      starts.map((start) => start / 1000),
      ...STATUSES.map((status) => starts.map((start) => value(start, status))),
    ], `${t("staff.times")}: ${words}`);
  }

  showWorkers({ as_of: asOf, workers }) {
    const online = workers.filter(({ status }) => status === "online");
    const away = workers.filter(({ status }) => status !== "online");
    this.noWorkers.hidden = online.length > 0;
    setText(this.noWorkers, t(workers.length > 0 ? "staff.workers.none_online" : "staff.workers.none"));
    // Whoever cooked once stays known; few ask about them.
    this.awayPart.hidden = away.length === 0;
    setText(this.awayCount, t("staff.workers.away", { n: away.length }));
    const seen = (time) => (time
      ? t("staff.workers.seen", { ago: asDuration((Date.parse(asOf) - Date.parse(time)) / 1000) })
      : t("staff.workers.never"));
    const card = (each) => h("li", { class: `worker card is-${each.status}` },
      h("h4", {}, h("bdi", {}, each.worker_name)),
      h("p", { class: "badge" }, t(`staff.workers.${each.status}`)),
      h("p", {}, each.order_types.length === 3 ? t("staff.workers.all") : each.order_types.map((type) => t(`type.${type}`)).join(t("staff.comma"))),
      h("p", { class: "quiet" }, seen(each.last_seen)),
      h("p", { class: "quiet" }, t("staff.workers.done", { n: each.orders_processed })));
    this.workers.replaceChildren(...online.map(card));
    this.away.replaceChildren(...away.map(card));
  }
}

const pair = (name, value, kind) => h("div", { class: kind }, h("dt", {}, name), h("dd", {}, value));

customElements.define("staff-figures", StaffFigures);
