/**
 * One for all tabs of a browser: it holds one stream for each address, and few in all, since a
 * browser has six connections to a host. A tab that gets none polls.
 */
import { StreamConnection } from "./stream-connection.js";

const MOST_STREAMS = 3;
/** A tab says every 20 s that it is still there; hidden ones are allowed to say it once a minute. */
const GONE_MS = 180_000;
const SWEEP_MS = 30_000;

/** By address: the connection, and when each tab's port was heard. */
const streams = new Map();

function leave(url, port) {
  const stream = streams.get(url);
  if (!stream?.ports.delete(port) || stream.ports.size > 0) return;
  stream.connection.close();
  streams.delete(url);
}

function join(url, port) {
  const known = streams.get(url);
  if (known) return known.ports.set(port, Date.now());
  if (streams.size >= MOST_STREAMS) return port.postMessage({ kind: "missing" });
  const ports = new Map([[port, Date.now()]]);
  const tell = (message) => ports.forEach((_, each) => each.postMessage(message));
  const connection = new StreamConnection(url, {
    onEvent: (event) => tell({ kind: "event", event }),
    onCut: () => tell({ kind: "cut" }),
    onMissing: () => {
      tell({ kind: "missing" });
      streams.delete(url);
    },
  });
  streams.set(url, { connection, ports });
}

addEventListener("connect", ({ ports: [port] }) => {
  port.onmessage = ({ data: { url, kind } }) => (kind === "leave" ? leave(url, port) : join(url, port));
});

setInterval(() => {
  for (const [url, { ports }] of streams) {
    for (const [port, heard] of ports) if (Date.now() - heard > GONE_MS) leave(url, port);
  }
}, SWEEP_MS);
