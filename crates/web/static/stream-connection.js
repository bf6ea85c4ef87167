import { readStream } from "./event-stream.js";
import { retryPause } from "./retry-pause.js";

/** A stream sends a heartbeat every 5 s. Without two of them it is given up, and opened again. */
const DEAD_MS = 11_000;

/**
 * A stream that is opened again whenever it ends, from where it ended, until `close`.
 *
 * It calls `onEvent` with each event, `onCut` when there is no stream at the moment, and `onMissing`
 * if there is none at this address at all.
 */
export class StreamConnection {
  isClosed = false;

  constructor(url, handlers) {
    this.url = url;
    this.handlers = handlers;
    this.run();
  }

  close() {
    this.isClosed = true;
    this.reading?.abort();
  }

  async run() {
    let lastId;
    let failures = 0;
    while (!this.isClosed) {
      const reading = new AbortController();
      this.reading = reading;
      let dying;
      const expect = () => {
        clearTimeout(dying);
        dying = setTimeout(() => reading.abort(), DEAD_MS);
      };
      expect();
      let retry = null;
      try {
        const result = await readStream(this.url, {
          lastId,
          signal: reading.signal,
          onBytes: () => {
            failures = 0;
            expect();
          },
          onEvent: (event) => this.handlers.onEvent(event),
          onId: (id) => { lastId = id; },
        });
        retry = result.retry;
        if ([404, 405, 406].includes(result.status)) return this.handlers.onMissing();
        // It cannot read where this one was.
        if (result.status === 400) lastId = undefined;
      } catch {
        // Cut, or given up. The next attempt follows.
      } finally {
        clearTimeout(dying);
      }
      this.handlers.onCut();
      const pause = retryPause(failures, retry);
      if (retry === null) failures += 1;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
