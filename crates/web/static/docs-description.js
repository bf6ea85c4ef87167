/** Reads a description (OpenAPI 3.1). It knows nothing of the page. */

const METHODS = ["get", "put", "post", "delete"];

export class Description {
  constructor(document) {
    this.document = document;
  }

  /** What a "$ref" leads to, or the value itself. */
  resolved(value) {
    if (!value?.$ref) return value;
    const path = value.$ref.replace(/^#\//, "").split("/");
    return path.reduce((place, name) => place?.[name.replaceAll("~1", "/").replaceAll("~0", "~")], this.document);
  }

  /** The name of a schema that is referred to. */
  nameOf(schema) {
    return schema?.$ref?.split("/").at(-1) ?? null;
  }

  /** Tags in their order, each with its operations. */
  groups() {
    const groups = new Map((this.document.tags ?? []).map(({ name, description }) => [name, { name, description, operations: [] }]));
    for (const [path, item] of Object.entries(this.document.paths)) {
      for (const method of METHODS.filter((method) => item[method])) {
        const name = item[method].tags?.[0] ?? "";
        if (!groups.has(name)) groups.set(name, { name, operations: [] });
        groups.get(name).operations.push({ method, path, ...item[method] });
      }
    }
    return [...groups.values()].filter(({ operations }) => operations.length > 0);
  }

  /** The parameters of an operation. */
  parameters(operation) {
    return (operation.parameters ?? []).map((parameter) => this.resolved(parameter));
  }

  /** A type in a few characters: "string", "array of Item", "Price or null". */
  typeOf(schema) {
    if (!schema) return "";
    const name = this.nameOf(schema);
    if (name) return name;
    const variants = schema.oneOf ?? schema.anyOf;
    if (variants) return variants.map((variant) => this.typeOf(variant)).join(" or ");
    if (schema.allOf) return schema.allOf.map((part) => this.typeOf(part)).join(" and ");
    const types = [schema.type ?? "any"].flat();
    return types.map((type) => (type === "array" ? `array of ${this.typeOf(schema.items)}` : type)).join(" or ");
  }

  /** The limits of a value, each in a few characters. */
  limitsOf(schema) {
    const { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern, format, default: usual } = schema ?? {};
    const between = (least, most, what) => {
      if (least === undefined && most === undefined) return null;
      return `${least ?? ""}…${most ?? ""}${what}`;
    };
    return [
      between(minimum, maximum, ""),
      between(minLength, maxLength, " characters"),
      between(minItems, maxItems, " items"),
      schema?.enum?.join(", "),
      format,
      pattern,
      usual === undefined || usual === null ? null : `default ${usual}`,
    ].filter(Boolean);
  }

  /** The members of an object with those of its parts. */
  membersOf(schema) {
    const whole = this.resolved(schema) ?? {};
    const parts = (whole.allOf ?? []).flatMap((part) => this.membersOf(part));
    const required = new Set(whole.required ?? []);
    const own = Object.entries(whole.properties ?? {}).map(([name, property]) => ({ name, schema: property, required: required.has(name) }));
    return [...parts, ...own];
  }
}
