//! Checks an order's items, adjustments, total and priority.

use tokio_postgres::Transaction;

use super::{Finding, LowerBound, findings};
use crate::database::DbError;

/// Checks the orders of the scope.
pub(super) async fn check(transaction: &Transaction<'_>, from: &LowerBound) -> Result<Vec<Finding>, DbError> {
    // `domain::Priority::of_total` has the rule. An escalated order has priority 10.
    let broken = "
        select invariant, example from (
            select number, total_amount, priority, items, sum, adjusted
            from (
                select orders.id, number, total_amount, priority, count(item.id) as items,
                       coalesce(sum(item.quantity * item.price), 0) as sum
                from orders left join order_items as item on item.order_id = orders.id
                where number >= $1 and orders.created_at >= $2
                group by orders.id
            ) as summed
            left join (
                select order_id, sum(amount) as adjusted from order_adjustments group by order_id
            ) as adjustments on order_id = summed.id
        ) as sums,
        lateral (values
            ('items', items not between 1 and 20, format('%s has %s items', number, items)),
            ('total_amount', items > 0 and sum + coalesce(adjusted, 0) <> total_amount,
             format('%s: total_amount is %s, its items make %s', number, total_amount, sum)
             || coalesce(', its adjustments ' || adjusted, '')),
            ('priority',
             coalesce(priority, 0) not in (case when total_amount > 100 then 10 when total_amount >= 50 then 5 else 1 end, 10),
             format('%s: priority is %s at a total of %s', number, coalesce(priority::text, 'null'), total_amount))
        ) as judged (invariant, is_broken, example)
        where is_broken";
    findings(transaction, broken, &[&from.number, &from.moment]).await
}

/// The number of orders in the scope.
pub(super) async fn count(transaction: &Transaction<'_>, from: &LowerBound) -> Result<u64, DbError> {
    let sql = "select count(*) from orders where number >= $1 and created_at >= $2";
    let row = transaction.query_one(sql, &[&from.number, &from.moment]).await?;
    u64::try_from(row.try_get::<_, i64>(0)?).map_err(DbError::unexpected)
}
