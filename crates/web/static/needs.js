/** What needs a person, as the parts of the staff's page find out. It sends "change". */
class Needs extends EventTarget {
  parts = new Map();

  /** Says what a part needs: { text, href, next } each, where `next` may say what to do. */
  set(part, found) {
    const before = JSON.stringify(this.of(part));
    this.parts.set(part, found);
    if (JSON.stringify(found) !== before) this.dispatchEvent(new Event("change"));
  }

  of(part) {
    return this.parts.get(part) ?? [];
  }
}

export const needs = new Needs();
