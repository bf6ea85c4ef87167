//! `idempotency_keys`: the order of each key. `orders::place` writes the rows with the order.

use std::time::Duration;

use domain::{IdempotencyKey, Money, OrderIdentity, OrderNumber};
use uuid::Uuid;

use crate::database::{Database, DbError};

/// How long a key is kept.
pub const KEPT_FOR: Duration = Duration::from_hours(24);

/// The order that was placed under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRequest {
    /// The fingerprint of the request's body.
    pub fingerprint: Vec<u8>,
    /// For its token. `None` if a service of an older version placed it.
    pub identity: Option<OrderIdentity>,
    /// Its number.
    pub number: OrderNumber,
    /// Its price.
    pub total_amount: Money,
    /// Whether its message is still unconfirmed, so that its answer is not decided.
    pub undecided: bool,
}

/// Whether an order was not stored because its key exists: the same request arrived twice at once.
pub fn is_key_taken(why: &DbError) -> bool {
    why.is_duplicate_in("idempotency_keys")
}

/// Finds the order that was placed under a key.
///
/// # Errors
/// The database failed.
pub async fn find(db: &Database, key: &IdempotencyKey) -> Result<Option<KnownRequest>, DbError> {
    let sql = "
        select known.fingerprint, orders.number, orders.total_amount::text,
               exists (select 1 from order_outbox as outbox where outbox.order_id = orders.id and purpose = 'placed'),
               (select identity from order_identities where order_identities.order_id = orders.id)
        from idempotency_keys as known join orders on orders.id = known.order_id
        where known.key = $1";
    let Some(row) = db.query_opt(sql, &[&key.as_str()]).await? else { return Ok(None) };
    Ok(Some(KnownRequest {
        fingerprint: row.try_get(0)?,
        number: row.try_get::<_, &str>(1)?.parse().map_err(DbError::unexpected)?,
        total_amount: row.try_get::<_, &str>(2)?.parse().map_err(DbError::unexpected)?,
        undecided: row.try_get(3)?,
        identity: row.try_get::<_, Option<Uuid>>(4)?.map(OrderIdentity::from),
    }))
}

/// Deletes keys older than [`KEPT_FOR`], at most `limit`. Returns their number.
///
/// # Errors
/// The database failed.
pub async fn prune(db: &Database, limit: i64) -> Result<u64, DbError> {
    let sql = "
        with old as (
            select key from idempotency_keys where created_at < now() - make_interval(secs => $1)
            order by created_at limit $2 for update skip locked
        )
        delete from idempotency_keys using old where idempotency_keys.key = old.key returning 1";
    let rows = db.query(sql, &[&KEPT_FOR.as_secs_f64(), &limit]).await?;
    u64::try_from(rows.len()).map_err(DbError::unexpected)
}
