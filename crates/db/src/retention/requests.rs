//! Requests of messages that have no order, or none any more. Those with an order go with it.

use uuid::Uuid;

use super::{Action, Horizon, PIECE, count};
use crate::database::{Database, DbError};

/// What a piece found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestPiece {
    /// The first id of the next piece. `None` at the end.
    pub next: Option<Uuid>,
    /// Old requests that are counted, removed or blanked.
    pub requests: u64,
}

/// Decided long ago, and told.
const DUE: &str = "
    updated_at < $2 and status <> 'PROCESSING'
    and (placed_as is null or not exists (select from orders where orders.id = placed_as offset 0))
    and not exists (
        select from request_outbox where request_outbox.order_id = order_requests.order_id offset 0)";

/// Acts on the next [`PIECE`] requests from the id `from` on (`None`: the first), in one
/// transaction.
///
/// # Errors
/// The database failed. A repetition finds what is left.
pub async fn request_piece(
    db: &Database,
    horizon: &Horizon,
    action: Action,
    from: Option<Uuid>,
) -> Result<RequestPiece, DbError> {
    let sql = statement(action);
    let row = db.query_opt(&sql, &[&from.unwrap_or(Uuid::nil()), &horizon.moment]).await?;
    let row = row.ok_or_else(|| DbError::unexpected("no row"))?;
    Ok(RequestPiece { next: row.try_get(0)?, requests: count(&row, 1)? })
}

/// It looks at one id more than it acts on: the first one of the next piece.
///
/// The rows of an anonymised request keep what became of it. The broken rules of its body may quote
/// the body, and its fingerprint could confirm a guess.
fn statement(action: Action) -> String {
    // Who prunes at the same time counts and removes others.
    const LOCK: &str = "for update of order_requests skip locked";
    let named = match action {
        Action::Count | Action::Remove => "",
        Action::CountNamed | Action::Anonymise => "and (fingerprint <> '' or errors is not null)",
    };
    let (lock, work) = match action {
        Action::Count | Action::CountNamed => ("", ""),
        Action::Remove => (
            LOCK,
            ", gone as (delete from order_requests where order_id = any(array(select order_id from due)))",
        ),
        Action::Anonymise => (
            LOCK,
            ", blanked as (update order_requests set fingerprint = '', errors = null
                           where order_id = any(array(select order_id from due)))",
        ),
    };
    format!(
        "with recursive looked as (
            (select order_id, 1 as place from order_requests where order_id >= $1 order by order_id limit 1)
            union all
            select next.order_id, place + 1 from looked cross join lateral (
                select order_id from order_requests as request where request.order_id > looked.order_id
                order by order_id limit 1
            ) as next where place <= {PIECE}
        ), due as materialized (
            select order_id from order_requests
            where order_id = any(array(select order_id from looked where place <= {PIECE})) and {DUE} {named}
            order by order_id {lock}
        ){work}
        select (select order_id from looked where place > {PIECE}), (select count(*) from due)"
    )
}
