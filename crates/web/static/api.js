import { observe } from "./clock.js";

/** There was no answer: the network, or the time limit. What the request did is not known. */
export class Unreachable extends Error {}

/**
 * Sends a request, and returns its answer whatever its status is: `status`, `body` (parsed, or null),
 * `headers`, and `retryAfter` in seconds (or null).
 */
export async function send(url, { timeout = 10_000, headers = {}, signal, ...options } = {}) {
  const limit = AbortSignal.timeout(timeout);
  try {
    const response = await fetch(url, {
      ...options,
      headers: { Accept: "application/json", ...headers },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    const text = await response.text();
    observe(response.headers.get("Date"));
    return {
      status: response.status,
      headers: response.headers,
      body: parsed(text),
      retryAfter: seconds(response.headers.get("Retry-After")),
    };
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new Unreachable("no answer", { cause });
  }
}

/** Posts a value as JSON. */
export function post(url, value, options = {}) {
  return send(url, {
    ...options,
    method: "POST",
    headers: { "Content-Type": "application/json", ...options.headers },
    body: typeof value === "string" ? value : JSON.stringify(value),
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function seconds(header) {
  const value = Number.parseInt(header ?? "", 10);
  return Number.isFinite(value) && value >= 0 ? value : null;
}
