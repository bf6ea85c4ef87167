import { Unreachable } from "./api.js";
import { h } from "./dom.js";
import { signIn } from "./staff-api.js";
import { t } from "./texts.js";

/** The form that asks for the staff's key. It sends "signed-in". Without scripts it still signs in. */
class StaffSignIn extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.notice = this.querySelector(".form-notice");
    this.button = this.querySelector("button");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
  }

  show() {
    this.hidden = false;
    this.form.elements.key.focus();
  }

  async submit() {
    const field = this.form.elements.key;
    this.button.disabled = true;
    this.notice.replaceChildren();
    let problem = "";
    try {
      const refused = await signIn(field.value);
      if (!refused) {
        this.dispatchEvent(new Event("signed-in"));
        return;
      }
      if (refused.status === 429) problem = t("staff.sign_in.slow");
      else if (!refused.isFirst) problem = t("staff.sign_in.differs", { detail: refused.body?.detail ?? refused.status });
      else problem = refused.status === 403 ? t("staff.sign_in.wrong") : refused.body?.detail ?? t("staff.failed");
    } catch (why) {
      if (!(why instanceof Unreachable)) throw why;
      problem = t("staff.no_connection");
    }
    this.button.disabled = false;
    this.notice.replaceChildren(h("p", { class: "notice notice-problem", dir: "auto" }, problem));
    field.select();
    field.focus();
  }
}

customElements.define("staff-sign-in", StaffSignIn);
