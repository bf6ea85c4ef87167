//! Checks the stock against its movements, and the movements against the orders. Of pruned orders,
//! only the sum of the movements is there.

use tokio_postgres::Transaction;

use super::{Finding, LowerBound, findings};
use crate::database::DbError;

/// Compares every item with all its movements, whatever the scope: a sum has no beginning. Of the
/// orders, only those of the scope.
pub(super) async fn check(transaction: &Transaction<'_>, from: &LowerBound) -> Result<Vec<Finding>, DbError> {
    let broken = "
        select 'stock', format('%s: %s, its movements make %s', item_id,
                               coalesce(stock.\"left\" || ' left', 'unlimited'), coalesce(moved.sum, 0))
        from inventory_items as stock
        full join (
            select item_id, sum(delta) as sum from (
                select item_id, delta from inventory_movements union all select item_id, delta from pruned_stock
            ) as movements
            group by item_id
        ) as moved using (item_id)
        where coalesce(stock.\"left\", 0) <> coalesce(moved.sum, 0)
        union all
        select 'stock', format('%s: is %s, and %s %s of it %s', number, status, quantity, item_id,
                               case when ends = 0 then 'are neither back nor wasted' else 'are back or wasted' end)
        from (
            select number, status, item_id, sum(quantity) filter (where reason = 'order') as quantity,
                   count(*) filter (where reason in ('cancel', 'waste')) as ends
            from inventory_movements join orders on orders.id = order_id
            where number >= $1 and orders.created_at >= $2
            group by orders.id, item_id
        ) as sold
        where ends <> case status when 'cancelled' then 1 else 0 end or quantity is null";
    findings(transaction, broken, &[&from.number, &from.moment]).await
}
