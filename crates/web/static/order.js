/** The order page: the menu, or lines of one's own; the basket; the way to the tracker. */
import "./free-lines.js";
import "./intake-banner.js";
import "./menu-list.js";
import "./order-bar.js";
import "./order-form.js";
import "./recent-orders.js";
import { basket } from "./basket.js";
import { placing } from "./placing.js";

const menu = document.querySelector("menu-list");
const free = document.querySelector("free-lines");

menu.addEventListener("menu", ({ detail: isOn }) => {
  // Lines of the other kind cannot be ordered here.
  const lines = basket.lines.filter((line) => Boolean(line.id) === isOn);
  if (lines.length !== basket.lines.length && !basket.pending) basket.update({ lines });
  free.hidden = isOn;
  if (!isOn) free.open();
});

document.addEventListener("menu-changed", () => menu.load());

// A table's own address, such as /?table=7, saves the guest from typing it.
const table = new URLSearchParams(location.search).get("table");
if (table && !basket.pending) basket.update({ order_type: "dine_in", table_number: table });

// The page comes back as it was left, by the browser's "back".
addEventListener("pageshow", (event) => {
  if (event.persisted && placing.state.kind === "placed") placing.reset();
});
