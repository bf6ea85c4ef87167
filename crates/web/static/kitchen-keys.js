/** Keys that come faster than a person types are a scanner's. */
const SCAN_GAP_MS = 60;
const SCAN_DIGITS = 3;
/** Where a person writes. */
const TEXT_FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select";
/** What arrows scroll, for whoever has reached it by Tab. */
const SCROLLED_BY_ARROWS = ".kitchen-all-day";
/** What Enter presses by itself. */
const PRESSED_BY_ENTER = "button, a, summary";

/**
 * The keyboard, which a bump bar is as well: digits choose a ticket, 0 the tenth; Enter makes its
 * next step; R recalls the last one, and D shows what can be recalled; arrows move; ? shows the
 * keys. A scanner types an order's number and Enter.
 *
 * A bump bar has no Tab key, and next to it people touch the screen: what was pressed with a
 * pointer does not keep the focus, and takes no key from it. Whoever goes by Tab presses what has
 * the focus. A key that is held down counts once. While a dialog is open, keys are the dialog's.
 *
 * The handlers are `choose(place)`, `move(dx, dy)`, `enter()`, `recall()`, `done()`, `help()` and
 * `scan(text)`.
 */
export function listen(handlers) {
  let typed = "";
  let last = -Infinity;
  /** A scan of a whole number has begun: its letters are no commands. */
  const isWhole = () => /^O(R|RD|RD_.*)?$/i.test(typed);
  const isOfNumber = (text) => /^(O(R|RD|RD_.*)?|\d+)$/i.test(text);
  const reachedByTab = trackFocus();

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.repeat && isOnce(event.key)) return event.preventDefault();
    if (event.target.closest?.(TEXT_FIELDS) || document.querySelector("dialog[open]")) return;
    const isFast = event.timeStamp - last < SCAN_GAP_MS;
    if (!isFast && event.timeStamp - last > 1_000) typed = "";
    last = event.timeStamp;
    const key = event.key;
    if (key === "Enter") {
      const scanned = typed;
      typed = "";
      const isNumber = /^ORD_\d{8}_\d+$/i.test(scanned) || new RegExp(`^\\d{${SCAN_DIGITS},}$`).test(scanned);
      if (isNumber) {
        event.preventDefault();
        return handlers.scan(scanned.toUpperCase());
      }
      const pressed = event.target.closest?.(PRESSED_BY_ENTER);
      if (pressed && reachedByTab(pressed)) return;
      event.preventDefault();
      return handlers.enter();
    }
    if (key.length === 1) {
      const longer = isFast || isWhole() ? typed + key : key;
      // What was typed just before a scan is not of its number.
      typed = isOfNumber(longer) ? longer : key;
      if (isWhole() && typed.length > 1) return event.preventDefault();
      if (isFast && /^\d{2,}$/.test(typed)) return event.preventDefault();
    }
    const scrolled = key.startsWith("Arrow") && event.target.closest?.(SCROLLED_BY_ARROWS);
    if (scrolled && reachedByTab(scrolled)) return;
    const command = commandOf(key, handlers);
    if (!command) return;
    event.preventDefault();
    command();
  });
}

/** Whether a key that is held down counts once. */
const isOnce = (key) => ["Enter", "r", "R", "d", "D", "?"].includes(key);

/**
 * Takes the focus off what was pressed with a pointer. Returns whether Tab led to an element since
 * the last time that a pointer was used.
 */
function trackFocus() {
  let reached = new WeakSet();
  let lastKey = null;
  let isPointer = false;
  addEventListener("pointerdown", () => {
    reached = new WeakSet();
    lastKey = null;
    isPointer = true;
  }, { capture: true });
  addEventListener("keydown", ({ key }) => {
    lastKey = key;
    isPointer = false;
  }, { capture: true });
  addEventListener("focusin", ({ target }) => {
    if (lastKey === "Tab") reached.add(target);
  });
  addEventListener("click", () => {
    const { activeElement } = document;
    if (isPointer && !activeElement.closest(`dialog, ${TEXT_FIELDS}`)) activeElement.blur();
  });
  return (element) => reached.has(element);
}

function commandOf(key, handlers) {
  if (/^\d$/.test(key)) return () => handlers.choose(key === "0" ? 9 : Number(key) - 1);
  const isRightToLeft = document.documentElement.dir === "rtl";
  const forward = isRightToLeft ? -1 : 1;
  const commands = {
    r: handlers.recall, R: handlers.recall, d: handlers.done, D: handlers.done, "?": handlers.help,
    ArrowRight: () => handlers.move(forward, 0), ArrowLeft: () => handlers.move(-forward, 0),
    ArrowDown: () => handlers.move(0, 1), ArrowUp: () => handlers.move(0, -1),
  };
  return commands[key];
}
