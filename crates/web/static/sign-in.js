/** Says why a sign-in did not succeed. Signing in itself needs no script. */
import { h } from "./dom.js";
import { has, t } from "./texts.js";

const why = new URLSearchParams(location.search).get("sign_in");

class SignInNotice extends HTMLElement {
  connectedCallback() {
    if (!why) return;
    const text = has(`sign_in.failed.${why}`) ? t(`sign_in.failed.${why}`) : t("sign_in.failed.wrong");
    this.append(h("p", { class: "notice notice-problem", role: "alert" }, text));
    // The reason leaves the address, so that a reload does not say it once more.
    const address = new URL(location.href);
    address.searchParams.delete("sign_in");
    history.replaceState(null, "", address);
  }
}

customElements.define("sign-in-notice", SignInNotice);
