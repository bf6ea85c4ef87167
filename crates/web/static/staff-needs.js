import { h, setText } from "./dom.js";
import { asExactClock } from "./format.js";
import { needs } from "./needs.js";
import { t } from "./texts.js";

/** The parts that may need somebody, the most urgent first. */
const PARTS = ["figures", "intake", "dead-letters"];

/** On top of the page: what needs a person, with the way to each. */
class StaffNeeds extends HTMLElement {
  /** By key: a row keeps its element, and with it the focus. */
  rows = new Map();

  connectedCallback() {
    this.setAttribute("role", "alert");
    // Only what is new is read out.
    this.setAttribute("aria-atomic", "false");
    this.className = "alarm";
    this.list = h("ul");
    this.box = h("div", { class: "notice notice-problem" },
      h("p", { class: "notice-title" }, t("staff.needs")), this.list);
    needs.addEventListener("change", () => this.show());
    this.show();
  }

  show() {
    const wanted = PARTS.flatMap(rowsOf);
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.element.remove();
      this.rows.delete(key);
    }
    wanted.forEach(({ key, text, href, next = "" }, index) => {
      const row = this.row(key, href);
      setText(row.link, text);
      setText(row.next, next);
      // Rows never change their order, so none that is there is moved.
      if (this.list.children[index] !== row.element) {
        this.list.insertBefore(row.element, this.list.children[index] ?? null);
      }
    });
    if (wanted.length === 0) this.box.remove();
    else if (!this.box.isConnected) this.append(this.box);
  }

  row(key, href) {
    if (!this.rows.has(key)) {
      const link = h("a", { href });
      const next = h("span");
      this.rows.set(key, { element: h("li", {}, link, " ", next), link, next });
    }
    return this.rows.get(key);
  }
}

/** What was found in a part. While that is not known any more, it says since when. */
function rowsOf(part) {
  const { found, isStale, since } = needs.of(part);
  const rows = found.map((each) => ({ ...each, key: `${part} ${each.key}` }));
  if (!isStale) return rows;
  if (rows.length === 0) {
    rows.push({ key: part, text: t("staff.needs.cut", { part: t(`staff.part.${part}`) }), href: `#${part}` });
  }
  const next = since ? t("staff.needs.since", { time: asExactClock(since) }) : t("staff.needs.never");
  return rows.map((row) => ({ ...row, next }));
}

customElements.define("staff-needs", StaffNeeds);
