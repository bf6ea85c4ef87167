//! Checks that each order has one identity, and that no identity outlives its order.

use tokio_postgres::Transaction;

use super::{Finding, LowerBound, findings};
use crate::database::DbError;

/// What to do about such a finding.
pub const GIVE_IDENTITIES: &str = "an order service of the version before runs still, or rows were written by hand. See that none runs; \
     then, as the tables' owner: insert into order_identities (identity, order_id) select gen_random_uuid(), id from orders \
     where not exists (select from order_identities where order_id = orders.id). Remove the rows of orders that are gone";

/// Checks the orders of the scope. If the scope is all orders, also the rows that should belong to
/// one.
pub(super) async fn check(transaction: &Transaction<'_>, from: &LowerBound) -> Result<Vec<Finding>, DbError> {
    let broken = "
        select 'identities', format('%s has no identity', number)
        from orders left join order_identities on order_id = orders.id
        where number >= $1 and orders.created_at >= $2 and identity is null
        union all
        select 'identities', format('%s is the identity of order row %s, which is not there', identity, order_id)
        from order_identities left join orders on orders.id = order_id
        where $3 and order_id is not null and orders.id is null";
    findings(transaction, broken, &[&from.number, &from.moment, &from.is_ever]).await
}
