import { h, setText } from "./dom.js";
import { t } from "./texts.js";

/** A button for the whole screen, where the browser has that. */
export function fullScreenButton() {
  const label = () => t(document.fullscreenElement ? "kitchen.full_screen_end" : "kitchen.full_screen");
  const button = h("button", { type: "button", class: "button", hidden: !document.fullscreenEnabled }, label());
  button.addEventListener("click", () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen().catch(() => {});
  });
  document.addEventListener("fullscreenchange", () => setText(button, label()));
  return button;
}

/** Keeps the screen on while the page is seen, where the browser has that. */
export function keepAwake() {
  const ask = () => {
    if (document.visibilityState === "visible") navigator.wakeLock?.request("screen").catch(() => {});
  };
  document.addEventListener("visibilitychange", ask);
  // Some browsers want a gesture first.
  addEventListener("pointerdown", ask, { once: true });
  ask();
}

/** A dialog with all keys: of a cook, or of somebody who looks on. */
export function keysDialog({ isWorker }) {
  const rows = [["1–9, 0", "choose"], ["Enter", isWorker ? "enter" : "seen"], isWorker && ["R", "recall"], isWorker && ["D", "done"], ["← → ↑ ↓", "move"], ["?", "help"], ["ORD_… Enter", "scan"]].filter(Boolean);
  const dialog = h("dialog", { "aria-labelledby": "kitchen-keys" },
    h("div", { class: "dialog-words" },
      h("h2", { id: "kitchen-keys" }, t("kitchen.keys")),
      h("dl", { class: "kitchen-keys" }, rows.map(([key, name]) => [h("dt", {}, h("kbd", {}, h("bdi", {}, key))), h("dd", {}, t(`kitchen.keys.${name}`))]))),
    h("div", { class: "dialog-actions" }, h("button", { type: "button", class: "button", onclick: () => dialog.close() }, t("kitchen.close"))));
  return dialog;
}
