import "./freshness-line.js";
import { h, setText } from "./dom.js";
import { asDuration } from "./duration.js";
import { Live } from "./live.js";
import { needs } from "./needs.js";
import { read } from "./staff-api.js";
import { t } from "./texts.js";
import { order } from "./urls.js";

/** Each look costs the service a connection to RabbitMQ. */
const POLL_MS = 5_000;

/** Messages that could not be cooked, and what to type. */
class StaffDeadLetters extends HTMLElement {
  connectedCallback() {
    this.count = h("p", { class: "dead-letters-count", role: "status" }, t("page.loading"));
    this.age = h("p", { class: "lead" });
    this.freshness = h("freshness-line");
    const command = (text) => h("pre", { class: "command", tabindex: "0", dir: "ltr" }, h("code", {}, text));
    this.append(this.freshness, h("div", { class: "card panel" }, this.count, this.age,
      h("p", {}, t("staff.dead_letters.type")),
      command("restaurant-ctl dlq list"),
      command("restaurant-ctl dlq replay ID")));
    this.live = new Live({ stream: null, poll: () => this.ask(), every: POLL_MS });
    this.freshness.follow(this.live, this);
    needs.follow("dead-letters", this.live);
    this.live.start();
  }

  async ask() {
    const { messages, seen_for_seconds: seen } = await read(order("staff/dead-letters"));
    const text = t("staff.dead_letters.count", { n: messages });
    setText(this.count, text);
    needs.set("dead-letters", messages > 0 ? [{ key: "messages", text, href: "#dead-letters" }] : []);
    this.count.classList.toggle("is-bad", messages > 0);
    setText(this.age, messages > 0 ? t("staff.dead_letters.age", { age: asDuration(seen) }) : "");
    this.age.hidden = messages === 0 || seen < 1;
  }
}

customElements.define("staff-dead-letters", StaffDeadLetters);
