/**
 * What price rules changed: { label, amount, included } for each rule, in the order of application.
 * A discount has an adjustment for each line; people read the rule once. `included` is the tax that
 * is in the price already, or undefined.
 */
export function adjustmentRows(adjustments) {
  const rows = new Map();
  for (const { rule, label, amount, included } of adjustments) {
    const row = rows.get(rule) ?? { label, cents: 0, included };
    row.cents += Math.round(amount * 100);
    rows.set(rule, row);
  }
  return [...rows.values()].map(({ label, cents, included }) => ({ label, amount: cents / 100, included }));
}
