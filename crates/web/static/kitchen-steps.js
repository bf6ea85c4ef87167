import { Unreachable, post } from "./api.js";
import { asExactClock, shortNumber } from "./format.js";
import { t } from "./texts.js";

const here = new URL("../", import.meta.url);
const OURS = { "X-Requested-With": "restaurant" };
/** Longer than the worker tries. */
const TIMEOUT_MS = 25_000;

/** The step that comes next for a ticket, and the status that the cook saw. */
export function nextStep(ticket) {
  return ticket.status === "cooking" && ticket.ours ? "ready" : "start";
}

/**
 * Asks the worker for a step. Returns { ticket } if it was made, else { message }: what to tell the
 * cook.
 */
export async function bump(ticket, step) {
  const number = ticket.order_number;
  try {
    const url = new URL(`tickets/${encodeURIComponent(number)}/${step}`, here);
    const { status, body } = await post(url, { status: ticket.status }, { headers: OURS, timeout: TIMEOUT_MS });
    if (status === 200) return { ticket: body };
    return { message: refused(number, body) };
  } catch (why) {
    if (!(why instanceof Unreachable)) throw why;
    // The question may have arrived, and only its answer was lost.
    return { message: t("kitchen.outcome_unknown", { short: shortNumber(number) }) };
  }
}

/** Ticks a line off, or on again. Returns the ticket, or null if that did not succeed. */
export async function tick(ticket, line, done) {
  const url = new URL(`tickets/${encodeURIComponent(ticket.order_number)}/lines/${line}`, here);
  try {
    const { status, body } = await post(url, { done }, { headers: OURS });
    return status === 200 ? body : null;
  } catch (why) {
    if (!(why instanceof Unreachable)) throw why;
    return null;
  }
}

/** What a refusal means, by its code. */
function refused(number, body) {
  const short = shortNumber(number);
  switch (body?.code) {
    case "elsewhere": {
      const time = asExactClock(new Date(body.changed_at));
      return t("kitchen.too_late", { short, status: t(`track.step.${body.current_status}`), cook: body.changed_by, time });
    }
    case "finished_by_another": return t("kitchen.of_another", { short, cook: body.changed_by });
    case "recall_is_over": return t("kitchen.recall_is_over", { short });
    case "not_here": return t("kitchen.not_here", { short });
    case "stopping": return t("kitchen.stopping", { short });
    case "outcome_unknown": return t("kitchen.outcome_unknown", { short });
    default: return t("kitchen.step_failed", { short });
  }
}
