/** Keys that come faster than a person types are a scanner's. */
const SCAN_GAP_MS = 60;
const SCAN_DIGITS = 3;

/**
 * The keyboard, which a bump bar is as well: digits choose a ticket, 0 the tenth; Enter makes its
 * next step; R recalls; arrows move; ? shows the keys. A scanner types an order's number and Enter.
 *
 * The handlers are `choose(place)`, `move(dx, dy)`, `enter()`, `recall()`, `help()` and `scan(text)`.
 */
export function listen(handlers) {
  let typed = "";
  let last = -Infinity;
  /** A scan of a whole number has begun: its letters are no commands. */
  const isWhole = () => /^O(R|RD|RD_.*)?$/i.test(typed);

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.("input, textarea, select")) return;
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
      // A button that has the focus is pressed by Enter itself.
      if (event.target.closest?.("button, a, dialog")) return;
      event.preventDefault();
      return handlers.enter();
    }
    if (key.length === 1) {
      typed = isFast || isWhole() ? typed + key : key;
      if (isWhole() && typed.length > 1) return event.preventDefault();
      if (isFast && /^\d{2,}$/.test(typed)) return event.preventDefault();
    }
    const command = commandOf(key, handlers);
    if (!command) return;
    event.preventDefault();
    command();
  });
}

function commandOf(key, handlers) {
  if (/^\d$/.test(key)) return () => handlers.choose(key === "0" ? 9 : Number(key) - 1);
  const isRightToLeft = document.documentElement.dir === "rtl";
  const forward = isRightToLeft ? -1 : 1;
  const commands = {
    r: handlers.recall, R: handlers.recall, "?": handlers.help,
    ArrowRight: () => handlers.move(forward, 0), ArrowLeft: () => handlers.move(-forward, 0),
    ArrowDown: () => handlers.move(0, 1), ArrowUp: () => handlers.move(0, -1),
  };
  return commands[key];
}
