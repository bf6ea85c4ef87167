import { basket } from "./basket.js";
import { asMoney } from "./format.js";
import { t } from "./texts.js";

/**
 * What an order that the menu refused would have to be: `lines`, and a sentence for each change.
 * `problem.items` names each item once, with a pointer to its first line.
 */
export function proposed(problem) {
  const sentences = [];
  const changes = new Map();
  for (const item of problem.items) {
    const line = basket.lines[Number(item.pointer.split("/")[2])];
    if (!line) continue;
    const name = line.name;
    if (item.code === "price_changed" && typeof item.price === "number") {
      sentences.push(t("changed.price", { name, price: asMoney(item.price), before: asMoney(line.price) }));
      changes.set(line, { price: item.price });
    } else if (item.code === "out_of_stock" && item.left > 0) {
      sentences.push(t("changed.left", { name, n: item.left }));
      changes.set(line, { quantity: Math.min(line.quantity, item.left) });
    } else {
      const isSoldOut = item.code === "out_of_stock" || item.detail.includes("sold out");
      sentences.push(t(isSoldOut ? "changed.sold_out" : "changed.gone", { name }));
      changes.set(line, { quantity: 0 });
    }
  }
  const lines = basket.lines
    .map((line) => ({ ...line, ...changes.get(line) }))
    .filter((line) => line.quantity > 0);
  return { sentences, lines };
}
