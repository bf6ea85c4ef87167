import "./freshness-line.js";
import { now } from "./clock.js";
import { h, setText } from "./dom.js";
import { asClockAfter } from "./format.js";
import { Live } from "./live.js";
import { needs } from "./needs.js";
import { again, change, read } from "./staff-api.js";
import { t } from "./texts.js";
import { order } from "./urls.js";

const POLL_MS = 3_000;
const PROPOSED_MINUTES = 15;

/** Whether orders are taken, what waits, and the switch for it. */
class StaffIntake extends HTMLElement {
  looks = 0;

  connectedCallback() {
    this.state = h("p", { class: "intake-state", role: "status" }, t("page.loading"));
    this.message = h("p", { class: "lead", dir: "auto" });
    this.waiting = h("dl", { class: "pairs" });
    this.limit = h("p", { class: "quiet" });
    this.notice = h("div", { role: "alert" });
    this.minutes = h("input", { id: "pause-minutes", name: "minutes", type: "number", min: 1, max: 1440, step: 1, required: true, value: PROPOSED_MINUTES });
    this.sentence = h("textarea", { id: "pause-message", name: "message", rows: 2, maxlength: 200, required: true, dir: "auto" });
    this.submit = h("button", { type: "submit", class: "button button-danger" });
    this.form = h("form", { class: "pause-form", hidden: true },
      h("div", { class: "field field-short" }, h("label", { for: "pause-minutes" }, t("staff.intake.minutes")), this.minutes),
      h("div", { class: "field" }, h("label", { for: "pause-message" }, t("staff.intake.message")), this.sentence),
      this.submit);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const value = { minutes: Number(this.minutes.value), message: this.sentence.value.trim() };
      this.send("POST", value);
    });
    this.resume = h("button", { type: "button", class: "button button-primary", hidden: true, onclick: () => this.send("DELETE") }, t("staff.intake.resume"));
    this.freshness = h("freshness-line");
    this.append(this.freshness, h("div", { class: "card panel" },
      this.state, this.message, this.resume, this.form, this.notice,
      h("h3", {}, t("staff.open.waiting")), this.waiting, this.limit));
    this.live = new Live({ stream: null, poll: () => this.ask(), every: POLL_MS });
    this.freshness.follow(this.live, this);
    needs.follow("intake", this.live);
    this.live.start();
  }

  async ask() {
    const look = ++this.looks;
    const intake = await read(order("intake"));
    // Somebody has looked again since, after a change perhaps.
    if (look === this.looks) this.show(intake);
  }

  show({ accepting, until, message, waiting, max_waiting: most }) {
    const time = accepting ? "" : asClockAfter(Date.parse(until));
    setText(this.state, accepting ? t("staff.intake.open") : t("staff.intake.paused", { time }));
    needs.set("intake", accepting ? [] : [{ key: "pause", text: t("staff.needs.pause", { time }), href: "#intake" }]);
    this.state.classList.toggle("is-paused", !accepting);
    setText(this.message, message ?? "");
    this.message.hidden = accepting;
    this.propose(accepting ? null : { until, message });
    setText(this.submit, t(accepting ? "staff.intake.pause" : "staff.intake.change"));
    this.form.hidden = false;
    this.resume.hidden = accepting;
    this.waiting.replaceChildren(...Object.entries(waiting).map(([type, count]) => h("div", { class: most > 0 && count >= most && "is-bad" },
      h("dt", {}, t(`type.${type}`)), h("dd", {}, count))));
    setText(this.limit, most > 0 ? t("staff.intake.most", { most }) : t("staff.intake.any"));
  }

  /** Fills the form for a new pause, or with the one that there is. What somebody writes stays. */
  propose(pause) {
    const proposed = pause?.until ?? "none";
    if (proposed === this.proposed || this.form.contains(document.activeElement)) return;
    this.proposed = proposed;
    this.minutes.value = pause ? Math.max(1, Math.round((Date.parse(pause.until) - now()) / 60_000)) : PROPOSED_MINUTES;
    this.sentence.value = pause?.message ?? t("staff.intake.message.default");
  }

  async send(method, value) {
    this.notice.replaceChildren();
    const buttons = this.querySelectorAll("button");
    buttons.forEach((button) => { button.disabled = true; });
    const problem = await change(method, order("intake/pause"), value);
    buttons.forEach((button) => { button.disabled = false; });
    if (problem !== null) {
      this.notice.replaceChildren(h("p", { class: "notice notice-problem", dir: "auto" }, problem || t("staff.failed")));
    }
    await again(() => this.ask());
    // The button that was pressed is another one now, or gone.
    if (problem === null) (method === "POST" ? this.submit : this.minutes).focus();
  }
}

customElements.define("staff-intake", StaffIntake);
