import { Unreachable, post } from "./api.js";
import { asExactClock, shortNumber } from "./format.js";
import { t } from "./texts.js";

const here = new URL("../", import.meta.url);
const OURS = { "X-Requested-With": "restaurant" };

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
    const { status, body } = await post(url, { status: ticket.status }, { headers: OURS, timeout: 25_000 });
    if (status === 200) return { ticket: body };
    return { message: refused(number, status, body) };
  } catch (why) {
    if (!(why instanceof Unreachable)) throw why;
    return { message: t("kitchen.step_failed", { short: shortNumber(number) }) };
  }
}

/** Ticks a line off, or on again. */
export async function tick(ticket, line, done) {
  const url = new URL(`tickets/${encodeURIComponent(ticket.order_number)}/lines/${line}`, here);
  const { status, body } = await post(url, { done }, { headers: OURS });
  return status === 200 ? body : null;
}

function refused(number, status, body) {
  const short = shortNumber(number);
  if (status === 409 && body?.current_status) {
    const time = asExactClock(new Date(body.changed_at));
    return t("kitchen.too_late", { short, status: t(`track.step.${body.current_status}`), cook: body.changed_by, time });
  }
  if (status === 404) return t("kitchen.not_here", { short });
  return t("kitchen.step_failed", { short });
}
