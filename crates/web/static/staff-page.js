import "./staff-dead-letters.js";
import "./staff-figures.js";
import "./staff-intake.js";
import "./staff-menu.js";
import "./staff-needs.js";
import "./staff-orders.js";
import "./staff-sign-in.js";
import { Unreachable } from "./api.js";
import { h } from "./dom.js";
import { needs } from "./needs.js";
import { session, signOut } from "./staff-api.js";
import { t } from "./texts.js";

const RETRY_MS = 3_000;
/** The parts, in the order in which they are needed. */
const PARTS = ["figures", "orders", "menu", "intake", "dead-letters"];

/** Shows the sign-in, or all that the staff works with. */
class StaffPage extends HTMLElement {
  connectedCallback() {
    this.loading = this.querySelector(".staff-loading");
    this.noKey = this.querySelector(".staff-no-key");
    this.signIn = this.querySelector("staff-sign-in");
    this.signIn.addEventListener("signed-in", () => {
      this.open();
      this.querySelector("h2").focus();
    });
    // Whatever is on the page is not for whoever is here now.
    document.addEventListener("signed-out", () => location.reload());
    this.begin();
  }

  async begin() {
    let state;
    try {
      state = await session();
    } catch (why) {
      if (!(why instanceof Unreachable)) throw why;
      this.loading.textContent = t("staff.no_connection");
      setTimeout(() => this.begin(), RETRY_MS);
      return;
    }
    this.removeAttribute("aria-busy");
    this.loading.hidden = true;
    if (!state.hasKey) this.noKey.hidden = false;
    else if (state.isSignedIn) this.open();
    else this.signIn.show();
  }

  open() {
    this.signIn.remove();
    this.noKey.remove();
    const links = PARTS.map((part) => h("a", { href: `#${part}` }, t(`staff.part.${part}`)));
    needs.addEventListener("change", () => PARTS.forEach((part, index) => {
      links[index].classList.toggle("has-needs", needs.has(part));
    }));
    const leave = async () => {
      await signOut();
      location.reload();
    };
    this.append(
      h("staff-needs"),
      h("nav", { class: "staff-parts", "aria-label": t("staff.parts") },
        h("ul", {}, links.map((link) => h("li", {}, link))),
        h("button", { type: "button", class: "button button-quiet sign-out", onclick: leave }, t("staff.sign_out"))),
      ...PARTS.map((part) => h("section", { class: "part", id: part, "aria-labelledby": `${part}-heading` },
        h("h2", { id: `${part}-heading`, tabindex: "-1" }, t(`staff.part.${part}`)), h(`staff-${part}`))));
  }
}

customElements.define("staff-page", StaffPage);
