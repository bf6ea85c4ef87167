import { h } from "./dom.js";
import { needs } from "./needs.js";
import { t } from "./texts.js";

/** The parts that may need somebody, the most urgent first. */
const PARTS = ["figures", "intake", "dead-letters"];

/** On top of the page: what needs a person, with the way to each. */
class StaffNeeds extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "alert");
    this.className = "alarm";
    needs.addEventListener("change", () => this.show());
    this.show();
  }

  show() {
    const rows = PARTS.flatMap((part) => needs.of(part)).map(({ text, href, next }) => h("li", {},
      h("a", { href }, text), next && ` ${next}`));
    this.replaceChildren(...(rows.length > 0 ? [h("div", { class: "notice notice-problem" },
      h("p", { class: "notice-title" }, t("staff.needs")),
      h("ul", {}, rows))] : []));
  }
}

customElements.define("staff-needs", StaffNeeds);
