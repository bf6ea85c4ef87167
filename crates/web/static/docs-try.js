import { json, ours } from "./docs-prose.js";
import { h } from "./dom.js";
import { t } from "./texts.js";

/** The service's root, behind whatever prefix a gateway gives it. */
const root = new URL("../", import.meta.url);
/** As long as a person waits. */
const TIMEOUT_MS = 15_000;
/** As much of an answer as is shown, in characters. */
const MOST_SHOWN = 20_000;

/** Sends a GET, with parameters that somebody fills in. The browser's sign-in goes with it. */
class TryRequest extends HTMLElement {
  connectedCallback() {
    if (this.form) return;
    const { operationId, parameters } = this.operation;
    this.fields = parameters.filter((parameter) => ["path", "query"].includes(parameter.in)).map((parameter) => {
      const id = `${operationId}-${parameter.name}`;
      const input = h("input", { id, dir: "ltr", autocomplete: "off", required: parameter.required === true });
      return { parameter, input, row: h("div", { class: "field" }, h("label", { for: id }, h("code", {}, parameter.name)), input) };
    });
    this.output = h("div", { role: "status" });
    this.form = h("form", { onsubmit: (event) => this.submit(event) },
      this.fields.map(({ row }) => row),
      ours("button", { class: "button", type: "submit" }, t("docs.send")));
    this.append(this.form, this.output);
  }

  /** The address that the fields name. */
  address() {
    let path = this.operation.path.replace(/^\//, "");
    const query = new URLSearchParams();
    for (const { parameter, input } of this.fields) {
      if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (input.value) query.set(parameter.name, input.value);
    }
    const url = new URL(path, root);
    url.search = query;
    return url;
  }

  async submit(event) {
    event.preventDefault();
    try {
      const response = await fetch(this.address(), {
        headers: { Accept: "application/json" },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      this.output.replaceChildren(
        h("p", {}, h("span", { class: `docs-status is-${String(response.status)[0]}` }, response.status), ` ${response.headers.get("Content-Type") ?? ""}`),
        json(pretty(text)));
    } catch {
      this.output.replaceChildren(ours("p", { class: "notice notice-problem" }, t("docs.no_answer")));
    }
  }
}

function pretty(text) {
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // It is no JSON, and shown as it is.
  }
  return shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}…` : shown;
}

customElements.define("try-request", TryRequest);
