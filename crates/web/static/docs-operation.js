import "./docs-try.js";
import { json, ours, prose } from "./docs-prose.js";
import { schemaTree, typeAndLimits } from "./docs-schema.js";
import { h } from "./dom.js";
import { t } from "./texts.js";

/** An operation: a line, and all about it once somebody opens it. */
export function operationPart(description, operation) {
  const { method, path, summary, operationId } = operation;
  const inside = h("div", { class: "docs-inside" });
  const part = h("details", { class: "card docs-operation", id: operationId, ontoggle: () => fill() },
    h("summary", {},
      h("span", { class: `docs-method is-${method}` }, method.toUpperCase()),
      h("code", { class: "docs-path" }, path),
      h("span", { class: "docs-summary" }, summary ?? "")),
    inside);
  function fill() {
    if (part.open && inside.childElementCount === 0) inside.append(...contents(description, operation));
  }
  return part;
}

function contents(description, operation) {
  const parameters = description.parameters(operation);
  const body = description.resolved(operation.requestBody);
  const tryable = operation.method === "get" && !operation.responses["200"]?.content?.["text/event-stream"];
  const tried = tryable ? h("try-request") : null;
  if (tried) tried.operation = { ...operation, parameters };
  return [
    operation.description ? h("p", {}, prose(operation.description)) : null,
    security(operation),
    parameters.length > 0 ? section(t("docs.parameters"), parameterList(description, parameters)) : null,
    body ? section(t("docs.body"), contentsOf(description, body.content)) : null,
    section(t("docs.answers"), Object.entries(operation.responses).map(([status, response]) =>
      answer(description, status, description.resolved(response)))),
    tried ? section(t("docs.try"), tried) : null,
  ].filter(Boolean);
}

function section(heading, ...children) {
  return h("section", {}, ours("h4", {}, heading), ...children);
}

function security({ security: ways }) {
  if (!ways || ways.length === 0) return null;
  const names = ways.map((way) => Object.keys(way).join(" + ") || "—");
  return h("p", { class: "docs-security" }, ours("span", {}, t("docs.security")), " ",
    names.map((name, index) => [index > 0 ? ", " : null, h("code", {}, name)]).flat());
}

function parameterList(description, parameters) {
  return h("dl", { class: "docs-members" }, parameters.map((parameter) => h("div", {},
    h("dt", {}, h("code", {}, parameter.name), " ", typeAndLimits(description, parameter.schema),
      h("span", { class: "badge" }, parameter.in),
      parameter.required ? ours("span", { class: "badge" }, t("docs.required")) : null),
    h("dd", {}, h("p", {}, prose(parameter.description ?? ""))))));
}

function answer(description, status, response) {
  const headers = Object.entries(response.headers ?? {}).map(([name, header]) => [name, description.resolved(header)]);
  return h("details", { class: "docs-answer" },
    h("summary", {}, h("span", { class: `docs-status is-${status[0]}` }, status), " ", prose(response.description)),
    headers.length > 0 ? h("dl", { class: "docs-members" }, headers.map(([name, header]) => h("div", {},
      h("dt", {}, h("code", {}, name)),
      h("dd", {}, h("p", {}, prose(header?.description ?? "")))))) : null,
    contentsOf(description, response.content ?? {}));
}

function contentsOf(description, content) {
  return Object.entries(content).map(([kind, { schema, examples = {}, example }]) => h("div", { class: "docs-content" },
    h("p", {}, h("code", {}, kind), " ", typeAndLimits(description, schema)),
    schemaTree(description, schema),
    example === undefined ? null : json(example),
    Object.entries(examples).map(([name, { summary, value }]) => h("details", { class: "docs-example" },
      h("summary", {}, h("code", {}, name), " ", summary ?? ""), json(value)))));
}
