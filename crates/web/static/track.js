/** The tracker: the order that the address names. */
import "./order-tracker.js";
import * as ownOrders from "./own-orders.js";

const number = decodeURIComponent(location.pathname.split("/").pop());

// The order page hands the token over behind the "#". It stays in this browser, and leaves the
// address, which people share.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  ownOrders.remember(number, token);
  history.replaceState(null, "", location.pathname + location.search);
}

document.querySelector("order-tracker").open(number, token ?? ownOrders.tokenOf(number));
