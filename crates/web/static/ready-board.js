import "./freshness-line.js";
import { Unreachable, send } from "./api.js";
import { h, setText } from "./dom.js";
import { shortNumber } from "./format.js";
import { Live } from "./live.js";
import { t } from "./texts.js";
import { tracking } from "./urls.js";

/** Sizes of the numbers, the largest first: as large as they fit. */
const DENSITIES = 6;
const NEW_MS = 15_000;

/** All numbers: what is being prepared, and what is ready to be fetched. */
class ReadyBoard extends HTMLElement {
  connectedCallback() {
    this.preparing = this.column("preparing");
    this.ready = this.column("ready");
    this.columns = h("div", { class: "board-columns" }, this.preparing.element, this.ready.element);
    this.freshness = h("freshness-line");
    this.replaceChildren(this.columns, this.freshness);
    this.columns.hidden = true;
    // The stream of all orders is the staff's. All boards that ask at once share one statement.
    this.live = new Live({ stream: null, poll: () => this.ask(), every: 1_000 });
    this.freshness.follow(this.live, this);
    this.live.start();
    new ResizeObserver(() => this.fit()).observe(this);
  }

  column(name) {
    const numbers = h("ul", { class: "board-numbers", "aria-labelledby": `board-${name}` });
    const empty = h("p", { class: "empty" }, t(`board.none.${name}`));
    const more = h("p", { class: "board-more", hidden: true });
    const element = h("section", { class: `board-column is-${name}` },
      h("h2", { id: `board-${name}` }, t(`board.${name}`)), h("div", { class: "board-body" }, numbers, empty, more));
    return { element, numbers, empty, more, shown: new Map() };
  }

  async ask() {
    const { status, body } = await send(tracking("board"));
    if (status !== 200 || !Array.isArray(body?.preparing)) throw new Unreachable(`status ${status}`);
    this.removeAttribute("aria-busy");
    const isFirst = this.columns.hidden;
    this.columns.hidden = false;
    this.show(this.preparing, body.preparing, false);
    this.show(this.ready, body.ready, !isFirst);
    this.fit();
  }

  show(column, numbers, isNews) {
    const wanted = new Set(numbers);
    for (const [number, element] of column.shown) {
      if (wanted.has(number)) continue;
      element.remove();
      column.shown.delete(number);
    }
    numbers.forEach((number, index) => {
      let element = column.shown.get(number);
      if (!element) {
        element = h("li", { class: isNews && "is-new" },
          h("bdi", { "aria-hidden": "true" }, shortNumber(number)), h("bdi", { class: "visually-hidden" }, number));
        if (isNews) setTimeout(() => element.classList.remove("is-new"), NEW_MS);
        column.shown.set(number, element);
      }
      if (column.numbers.children[index] !== element) {
        column.numbers.insertBefore(element, column.numbers.children[index] ?? null);
      }
    });
    column.numbers.hidden = numbers.length === 0;
    column.empty.hidden = numbers.length > 0;
  }

  /** Makes the numbers as large as they fit. If even the smallest do not, it says how many are left. */
  fit() {
    for (const { numbers, more } of [this.preparing, this.ready]) {
      const items = [...numbers.children];
      items.forEach((item) => { item.hidden = false; });
      more.hidden = true;
      // On a small screen the page scrolls instead.
      const isBounded = getComputedStyle(numbers).overflowY === "hidden";
      const overflows = () => isBounded && numbers.scrollHeight > numbers.clientHeight + 1;
      for (let density = 0; density < DENSITIES; density++) {
        numbers.dataset.density = density;
        if (!overflows()) break;
      }
      let left = 0;
      while (overflows() && left < items.length - 1) items[items.length - 1 - left++].hidden = true;
      more.hidden = left === 0;
      setText(more, left > 0 ? t("board.more", { n: left }) : "");
    }
  }
}

customElements.define("ready-board", ReadyBoard);
