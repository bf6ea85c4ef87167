import { h } from "./dom.js";
import { asClock, shortNumber } from "./format.js";
import * as ownOrders from "./own-orders.js";
import { t } from "./texts.js";
import { tracker } from "./urls.js";

const MOST_SHOWN = 3;

/** The way back to the orders that were placed in this browser. */
class RecentOrders extends HTMLElement {
  connectedCallback() {
    this.show();
    // By "back" the page comes as it was left, before the order was placed.
    addEventListener("pageshow", () => this.show());
  }

  show() {
    const orders = ownOrders.all().slice(0, MOST_SHOWN);
    if (orders.length === 0) return;
    this.replaceChildren(
      h("h2", { class: "visually-hidden" }, t("recent.heading")),
      h("ul", { class: "recent" }, orders.map(({ number, token, at }) => h("li", {},
        h("a", { href: tracker(number, token), "aria-label": t("recent.follow", { number }) },
          h("bdi", { class: "recent-number" }, shortNumber(number)),
          h("span", {}, t("recent.at", { time: asClock(at) })))))),
    );
  }
}

customElements.define("recent-orders", RecentOrders);
