import { Unreachable, send } from "./api.js";
import { h } from "./dom.js";
import { shortNumber } from "./format.js";
import { t } from "./texts.js";
import { order } from "./urls.js";

/** Lets the browser that ordered cancel the order, as long as nobody cooks it. */
class CancelOrder extends HTMLElement {
  /** `token` is the right to do it; without one there is no button. `done` is called after an attempt. */
  open(number, token, done) {
    Object.assign(this, { number, token, done });
    this.notice = h("div", { "aria-live": "polite" });
    this.button = h("button", { type: "button", class: "button button-quiet", onclick: () => this.dialog.showModal() }, t("track.cancel"));
    const close = () => this.dialog.close();
    this.dialog = h("dialog", { "aria-labelledby": "cancel-heading" },
      h("div", { class: "dialog-words" },
        h("h2", { id: "cancel-heading" }, t("track.cancel.sure", { short: shortNumber(number) })),
        h("p", { class: "lead" }, t("track.cancel.sure.next"))),
      h("div", { class: "dialog-actions" },
        h("button", { type: "button", class: "button", autofocus: true, onclick: close }, t("track.cancel.no")),
        h("button", { type: "button", class: "button button-danger", onclick: () => { close(); this.cancel(); } }, t("track.cancel.yes"))));
    this.replaceChildren(this.button, this.notice, this.dialog);
    this.allow(false);
  }

  /** Shows the button, or hides it: somebody cooks the order now. */
  allow(isAllowed) {
    this.button.hidden = !isAllowed || !this.token;
    if (!isAllowed) this.dialog.close();
  }

  async cancel() {
    this.button.disabled = true;
    this.notice.replaceChildren();
    const problem = await this.attempt();
    this.button.disabled = false;
    if (problem) {
      this.notice.replaceChildren(h("div", { class: "notice notice-problem" }, h("p", {}, t(`track.cancel.${problem}`))));
    }
    this.done();
  }

  /** What went wrong, or null. */
  async attempt() {
    try {
      const { status } = await send(order(`orders/${encodeURIComponent(this.number)}/cancel`), {
        method: "POST",
        headers: { "X-Order-Token": this.token },
      });
      if (status === 200) return null;
      if (status === 409) return "late";
      return status === 401 || status === 403 ? "refused" : "failed";
    } catch (why) {
      if (why instanceof Unreachable) return "failed";
      throw why;
    }
  }
}

customElements.define("cancel-order", CancelOrder);
