//! What a cancelled order took from the stock: given back if nobody has cooked it, else wasted.

/// CTEs that follow one with the name of `cancelled` and the columns `id` and `old_status`: orders
/// that this statement cancels, so each of them once. `by` is who did it, `at` the time, in SQL.
///
/// The rows of the stock are locked in the order of their items, as everywhere. An item that is
/// unlimited by now gets nothing back: no number becomes of none. Its movement says so.
pub(crate) fn given_back(cancelled: &str, by: &str, at: &str) -> String {
    format!(
        "taken as (
            select order_id, item_id, movement.quantity, old_status = 'received' as is_back
            from inventory_movements as movement join {cancelled} on order_id = {cancelled}.id
            where order_id = any(array(select id from {cancelled})) and reason = 'order'
        ), stock as (
            select item_id, \"left\" from inventory_items
            where item_id = any(array(select item_id from taken)) order by item_id for update
        ), sums as (
            select item_id, sum(quantity) filter (where is_back) as quantity
            from taken join stock using (item_id) group by item_id
        ), restored as (
            update inventory_items as item set \"left\" = item.\"left\" + quantity, updated_at = {at}
            from sums where item.item_id = sums.item_id and quantity > 0
        ), moved as (
            insert into inventory_movements (created_at, item_id, order_id, delta, left_after, quantity, reason,
                                             changed_by)
            select {at}, item_id, order_id, case when is_back and \"left\" is not null then quantity else 0 end,
                   \"left\" + coalesce(sum(quantity) filter (where is_back) over (partition by item_id order by order_id), 0),
                   quantity, case when is_back then 'cancel' else 'waste' end, {by}
            from taken left join stock using (item_id) order by order_id, item_id
        )"
    )
}
