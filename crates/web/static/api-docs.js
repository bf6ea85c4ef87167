import { Description } from "./docs-description.js";
import { operationPart } from "./docs-operation.js";
import { ours, prose } from "./docs-prose.js";
import { h } from "./dom.js";
import { t } from "./texts.js";

/** The service's root, behind whatever prefix a gateway gives it. */
const root = new URL("../", import.meta.url);
const TIMEOUT_MS = 15_000;

/** All operations by their tags. The description's own words are English, and written so. */
class ApiDocs extends HTMLElement {
  connectedCallback() {
    this.load();
  }

  async load() {
    this.setAttribute("aria-busy", "true");
    const found = await fetched();
    this.removeAttribute("aria-busy");
    if (found) this.show(new Description(found));
    else {
      this.replaceChildren(h("div", { class: "notice notice-problem", role: "alert" },
        h("p", {}, t("docs.failed")),
        h("button", { class: "button", type: "button", onclick: () => this.load() }, t("page.again"))));
    }
  }

  show(description) {
    const { title, description: about, version } = description.document.info;
    const groups = description.groups();
    const link = ({ name }) => h("li", {}, h("a", { href: `#${anchor(name)}` }, name));
    const schemes = Object.entries(description.document.components?.securitySchemes ?? {});
    this.replaceChildren(h("div", { class: "docs-all", lang: "en", dir: "ltr" },
      h("h2", {}, `${title} ${version}`),
      about ? h("p", {}, prose(about)) : null,
      ours("nav", { class: "docs-tags", "aria-label": t("docs.operations") },
        h("ul", { lang: "en", dir: "ltr" }, groups.map(link))),
      groups.map((group) => h("section", { class: "docs-group", "aria-labelledby": anchor(group.name) },
        h("h3", { id: anchor(group.name), tabindex: "-1" }, group.name),
        group.description ? h("p", { class: "lead" }, prose(group.description)) : null,
        group.operations.map((operation) => operationPart(description, operation)))),
      h("section", { class: "docs-group", "aria-labelledby": "security-schemes" },
        ours("h3", { id: "security-schemes" }, t("docs.credentials")),
        h("dl", { class: "docs-members" }, schemes.map(([name, scheme]) => h("div", {},
          h("dt", {}, h("code", {}, name), " ", h("span", { class: "docs-type" }, [scheme.type, scheme.scheme, scheme.in, scheme.name].filter(Boolean).join(" "))),
          h("dd", {}, h("p", {}, prose(scheme.description ?? "")))))))));
    // An address may name an operation, which is there only now.
    const named = document.getElementById(location.hash.slice(1));
    if (named) {
      if (named.matches("details")) named.open = true;
      named.scrollIntoView();
    }
  }
}

/** The description; null if it does not come. A fault in showing it is no such thing. */
async function fetched() {
  try {
    const response = await fetch(new URL("openapi.json", root), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

function anchor(name) {
  return `tag-${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
}

customElements.define("api-docs", ApiDocs);
