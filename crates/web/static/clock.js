/** The server's time: a device's own clock may be wrong by hours. */
let ahead = 0;

/** Learns from a time that the server has just sent: a `Date` header, or a heartbeat. */
export function observe(text) {
  const time = Date.parse(text ?? "");
  if (Number.isFinite(time)) ahead = time - Date.now();
}

/** Now, on the server's clock, in milliseconds. */
export const now = () => Date.now() + ahead;
