const FIRST_MS = 1_000;
const LONGEST_MS = 15_000;

/**
 * How long to wait before the next attempt, in milliseconds: longer after each failure in a row, or
 * as long as the service asks. It is random, so that all browsers do not come back at once.
 */
export function retryPause(failures, asked = null) {
  return Math.min(asked || FIRST_MS * 2 ** failures, LONGEST_MS) * (0.5 + Math.random());
}
