import { orderPort, orderUrl, trackingPort, trackingUrl } from "./settings.js";

/** Where the service of this page is mounted, behind whatever prefix a gateway gives it. */
const here = new URL("../", import.meta.url);

function base(service, configured, port) {
  if (document.documentElement.dataset.service === service) return here;
  if (configured) return new URL(configured.endsWith("/") ? configured : `${configured}/`);
  return new URL(`${location.protocol}//${location.hostname}:${port}/`);
}

const orderBase = base("order", orderUrl, orderPort);
const trackingBase = base("tracking", trackingUrl, trackingPort);

/** An address of the order service. */
export const order = (path) => new URL(path, orderBase);

/** An address of the tracking service. */
export const tracking = (path) => new URL(path, trackingBase);

/** The address of a page, in the language that was chosen for this one. */
export function page(url) {
  const chosen = new URLSearchParams(location.search).get("lang");
  if (chosen) url.searchParams.set("lang", chosen);
  return url;
}

/** The tracker of an order. The token stays behind the "#", so no server and no log gets it. */
export function tracker(number, token) {
  const url = page(tracking(`track/${encodeURIComponent(number)}`));
  if (token) url.hash = new URLSearchParams({ token });
  return url;
}
