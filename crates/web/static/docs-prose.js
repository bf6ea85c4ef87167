import { h } from "./dom.js";

/** A text of the description. What stands in backticks is code. */
export function prose(text) {
  return text.split("`").map((part, index) => (index % 2 === 1 ? h("code", {}, part) : part));
}

/** A value as JSON. */
export function json(value) {
  return h("pre", { class: "docs-json", tabindex: "0" }, h("code", {},
    typeof value === "string" ? value : JSON.stringify(value, null, 2)));
}
