const NOTHING = { found: [], isStale: false, since: null };

/** What needs a person, as the parts of the staff's page find out. It sends "change". */
class Needs extends EventTarget {
  parts = new Map();

  /**
   * Says what a part needs: { key, text, href, next } each. `key` tells it from the part's others,
   * and `next` may say what to do.
   */
  set(part, found) {
    this.change(part, { found });
  }

  /** Follows a part's `Live`: while that is stale, nobody knows what the part needs. */
  follow(part, live) {
    live.addEventListener("freshness", ({ detail: { isStale, since } }) => {
      this.change(part, { isStale, since: isStale ? since : null });
    });
  }

  change(part, changes) {
    const before = this.of(part);
    const after = { ...before, ...changes };
    if (JSON.stringify(after) === JSON.stringify(before)) return;
    this.parts.set(part, after);
    this.dispatchEvent(new Event("change"));
  }

  /** What was found in a part, whether that is stale, and since when: null if it never was known. */
  of(part) {
    return this.parts.get(part) ?? NOTHING;
  }

  /** Whether somebody should look at a part. */
  has(part) {
    const { found, isStale } = this.of(part);
    return found.length > 0 || isStale;
  }
}

export const needs = new Needs();
