/**
 * When a ticket is late: seconds since it was placed, for each type. What is eaten at the table is
 * waited for at the table; a courier has time on the way.
 */
const THRESHOLDS = {
  dine_in: [8 * 60, 15 * 60],
  takeout: [10 * 60, 20 * 60],
  delivery: [12 * 60, 25 * 60],
};

/** "ok", "soon" or "late". */
export function urgency(type, seconds) {
  const [soon, late] = THRESHOLDS[type] ?? THRESHOLDS.takeout;
  if (seconds >= late) return "late";
  return seconds >= soon ? "soon" : "ok";
}

/** Minutes and seconds, such as 8:05. */
export function asAge(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
