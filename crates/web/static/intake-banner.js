import { h } from "./dom.js";
import { asClockAfter } from "./format.js";
import { intake } from "./intake.js";
import { t } from "./texts.js";

/** When to come back, and why, in the restaurant's words. */
export function closedNotice({ until, message }) {
  return [
    h("p", { class: "notice-title" }, t("placing.closed", { time: asClockAfter(until) })),
    message && h("p", { dir: "auto" }, message),
  ].filter(Boolean);
}

/** Tells before anything is chosen that no orders are taken. The notice of the form is read out. */
class IntakeBanner extends HTMLElement {
  connectedCallback() {
    intake.addEventListener("change", () => this.show());
    this.show();
    intake.start();
  }

  show() {
    const { pause } = intake;
    this.replaceChildren(...(pause ? [h("div", { class: "notice notice-wait" }, closedNotice(pause))] : []));
  }
}

customElements.define("intake-banner", IntakeBanner);
