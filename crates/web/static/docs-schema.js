import { ours, prose } from "./docs-prose.js";
import { h } from "./dom.js";
import { t } from "./texts.js";

/** So deep are members shown; nothing of ours is deeper. */
const DEEPEST = 6;

/** A schema with its members, as nested lists. */
export function schemaTree(description, schema, depth = 0) {
  const whole = description.resolved(schema);
  if (!whole || depth > DEEPEST) return null;
  const variants = whole.oneOf ?? whole.anyOf;
  if (variants) {
    const shown = variants.filter((variant) => description.resolved(variant)?.type !== "null");
    if (shown.length === 1) return schemaTree(description, shown[0], depth + 1);
    return h("ul", { class: "docs-variants" }, shown.map((variant) => h("li", {},
      h("code", {}, description.typeOf(variant)), about(description, variant),
      schemaTree(description, variant, depth + 1))));
  }
  if ([whole.type].flat().includes("array")) return schemaTree(description, whole.items, depth + 1);
  const members = description.membersOf(whole);
  if (members.length === 0) return null;
  return h("dl", { class: "docs-members" }, members.map((member) => h("div", {},
    h("dt", {}, h("code", {}, member.name), " ", typeAndLimits(description, member.schema),
      member.required ? ours("span", { class: "badge" }, t("docs.required")) : null),
    h("dd", {}, about(description, member.schema), schemaTree(description, member.schema, depth + 1)))));
}

/** The type of a value, and its limits. */
export function typeAndLimits(description, schema) {
  const whole = description.resolved(schema);
  const limits = description.limitsOf(whole);
  return h("span", { class: "docs-type" }, description.typeOf(schema),
    limits.length > 0 ? h("span", { class: "docs-limits" }, ` ${limits.join(" · ")}`) : null);
}

function about(description, schema) {
  const text = schema.description ?? description.resolved(schema)?.description;
  return text ? h("p", {}, prose(text)) : null;
}
