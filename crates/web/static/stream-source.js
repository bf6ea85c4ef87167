import { StreamConnection } from "./stream-connection.js";

const STILL_HERE_MS = 20_000;

/**
 * Follows a stream, together with the other tabs of this browser where it has shared workers.
 * The handlers are those of a `StreamConnection`.
 */
export function follow(url, handlers) {
  if (typeof SharedWorker === "undefined") return new StreamConnection(url, handlers);
  const address = String(url);
  const { port } = new SharedWorker(new URL("./stream-worker.js", import.meta.url), { type: "module", name: "streams" });
  const joined = setInterval(() => port.postMessage({ kind: "join", url: address }), STILL_HERE_MS);
  port.onmessage = ({ data: { kind, event } }) => {
    if (kind === "event") handlers.onEvent(event);
    else if (kind === "cut") handlers.onCut();
    else if (kind === "missing") {
      clearInterval(joined);
      handlers.onMissing();
    }
  };
  port.postMessage({ kind: "join", url: address });
  addEventListener("pagehide", () => port.postMessage({ kind: "leave", url: address }));
  addEventListener("pageshow", ({ persisted }) => persisted && port.postMessage({ kind: "join", url: address }));
}
