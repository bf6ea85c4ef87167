/**
 * Reads an event stream (HTML Standard, section 9.2) until it ends or `signal` aborts it.
 *
 * By `fetch`, not by `EventSource`: that one hides the status of a refusal, and the comments that
 * keep a quiet stream open.
 *
 * `onBytes` is called with each piece that comes, `onEvent` with { type, data } of each event, and
 * `onId` with each new position, which may come without an event. Returns the status of the answer,
 * and the pause in milliseconds that the server asks for before the next attempt (or null).
 */
export async function readStream(url, { lastId, signal, onBytes, onEvent, onId }) {
  const headers = { Accept: "text/event-stream" };
  if (lastId) headers["Last-Event-ID"] = lastId;
  const response = await fetch(url, { headers, signal, cache: "no-store", credentials: "include" });
  const result = { status: response.status, retry: null };
  const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
  if (response.status !== 200 || !isStream || !response.body) {
    await response.body?.cancel();
    if (response.status === 200) result.status = 406;
    return result;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let event = { data: [] };
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return result;
    onBytes();
    const lines = (rest + value).split(/\r\n|\n|\r/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (event.id !== undefined) onId(event.id);
        if (event.data.length > 0) onEvent({ type: event.type ?? "message", data: event.data.join("\n") });
        event = { data: [] };
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "data") event.data.push(text);
      else if (field === "event") event.type = text;
      else if (field === "id") event.id = text;
      else if (field === "retry" && /^\d+$/.test(text)) result.retry = Number(text);
    }
  }
}
