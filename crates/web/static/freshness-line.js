import { h, setText } from "./dom.js";
import { asExactClock } from "./format.js";
import { t } from "./texts.js";

/** Says until when the page is true. If that is too long ago, it says so loudly. */
class FreshnessLine extends HTMLElement {
  connectedCallback() {
    this.line = h("p", { class: "freshness" }, t("live.connecting"));
    this.warning = h("div", { role: "alert" });
    this.append(this.warning, this.line);
  }

  /** Follows a `Live`. `shown` is what turns grey while it is stale. */
  follow(live, shown) {
    live.addEventListener("freshness", ({ detail: { isStale, since } }) => {
      shown.classList.toggle("is-stale", isStale);
      this.line.hidden = isStale;
      if (!isStale) setText(this.line, since ? t("live.live", { time: asExactClock(since) }) : t("live.connecting"));
      if (isStale === this.wasStale) return;
      this.wasStale = isStale;
      this.warning.replaceChildren(...(isStale ? [h("div", { class: "notice notice-wait" },
        h("p", { class: "notice-title" }, since ? t("live.stale", { time: asExactClock(since) }) : t("live.never")),
        h("p", {}, t("live.stale.next")))] : []));
    });
  }
}

customElements.define("freshness-line", FreshnessLine);
