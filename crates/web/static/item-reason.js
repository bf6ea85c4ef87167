import { basket } from "./basket.js";
import { t } from "./texts.js";

/** Why an item of the menu cannot be had by an order of the chosen type: a word, or "". */
export function reasonOf({ sold_out: soldOut, order_types: types }) {
  const type = basket.state.order_type;
  if (soldOut) return t("menu.sold_out");
  return !types || types.includes(type) ? "" : t(`menu.not_for.${type}`);
}
