import { h } from "./dom.js";

/** A text of the description. What stands in backticks is code. */
export function prose(text) {
  return text.split("`").map((part, index) => (index % 2 === 1 ? h("code", {}, part) : part));
}

/** An element with a text of the page: in its language, amid the English of the description. */
export function ours(tag, attributes, ...children) {
  const { lang, dir } = document.documentElement;
  return h(tag, { lang, dir, ...attributes }, ...children);
}

/** A value as JSON. */
export function json(value) {
  return h("pre", { class: "docs-json", tabindex: "0" }, h("code", {},
    typeof value === "string" ? value : JSON.stringify(value, null, 2)));
}
