//! Checks the requests of messages against their orders.

use tokio_postgres::Transaction;

use super::{Finding, LowerBound, findings};
use crate::database::DbError;

/// Of the requests of the scope. An order that somebody removed is missed by nobody.
pub(super) async fn check(transaction: &Transaction<'_>, from: &LowerBound) -> Result<Vec<Finding>, DbError> {
    let broken = "
        select 'requests', format('%s: ', request.order_id) || case
            when wrong = 'no_order' then format('is %s, and there is no order', request.status)
            when wrong = 'contents' then format('says order %s of %s, which is %s of %s', order_number,
                                                request.total_amount, number, orders.total_amount)
            when wrong = 'undecided' then format('is PROCESSING, and the message of %s has left the outbox', number)
            when wrong = 'too_early' then format('is %s, and the message of %s is in the outbox', request.status, number)
            else format('is FAILED, and %s is %s', number, orders.status) end
        from order_requests as request left join orders on orders.id = placed_as
        cross join lateral (
            select exists (select 1 from order_outbox where order_id = placed_as and purpose = 'placed') as is_in_outbox
        ) as outbox
        cross join lateral (values
            (case when placed_as is null and request.status <> 'FAILED' then 'no_order'
                  when orders.id is null then null
                  when order_number is distinct from number
                       or request.total_amount is distinct from orders.total_amount then 'contents'
                  when request.status = 'PROCESSING' and not is_in_outbox then 'undecided'
                  when request.status <> 'PROCESSING' and is_in_outbox then 'too_early'
                  when request.status = 'FAILED' and orders.status <> 'cancelled' then 'cooked' end)
        ) as verdict (wrong)
        where wrong is not null and request.created_at >= $1";
    findings(transaction, broken, &[&from.moment]).await
}
