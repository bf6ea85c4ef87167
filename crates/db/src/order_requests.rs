//! `order_requests`: what became of the orders that messages ask for.
//!
//! A row is written with its order ([`orders::place`](crate::orders::place)), or here if there is
//! none. It is decided when the order's message has left the outbox, in whatever way: a trigger of
//! `order_outbox` sees to that. Every change leaves its events in `request_outbox`.

use domain::order_request::{OrderRequestId, RequestFailure, RequestOutcome};
use domain::{OrderRequest, RequestId};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::database::{Database, DbError};
use crate::traceparents;

/// A request whose message came before.
#[derive(Clone, Debug)]
pub struct KnownRequest {
    /// The fingerprint of its body.
    pub fingerprint: Vec<u8>,
    /// What became of it.
    pub outcome: RequestOutcome,
}

/// Finds requests, in this order; `None` for an unknown one.
///
/// # Errors
/// The database failed, or one row cannot be decoded; retry without it.
pub async fn find(db: &Database, requests: &[OrderRequestId]) -> Result<Vec<Option<KnownRequest>>, DbError> {
    let sql = "
        select found.*
        from unnest($1::uuid[]) with ordinality as asked (wish, place)
        left join lateral (
            select order_id, fingerprint, status, order_number, total_amount::text, code, reason,
                   errors::text, items::text, updated_at
            from order_requests where order_id = wish limit 1
        ) as found on true
        order by place";
    let requests: Vec<Uuid> = requests.iter().map(OrderRequestId::uuid).collect();
    db.query(sql, &[&requests]).await?.iter().map(known).collect()
}

fn known(row: &Row) -> Result<Option<KnownRequest>, DbError> {
    let Some(order_id) = row.try_get::<_, Option<Uuid>>("order_id")? else { return Ok(None) };
    let outcome = RequestOutcome {
        order_id: order_id.into(),
        status: row.try_get::<_, &str>("status")?.parse().map_err(DbError::unexpected)?,
        order_number: parsed(row, "order_number")?,
        total_amount: parsed(row, "total_amount")?,
        code: row.try_get("code")?,
        reason: row.try_get("reason")?,
        errors: json(row, "errors")?,
        items: json(row, "items")?,
        updated_at: row.try_get::<_, OffsetDateTime>("updated_at")?.into(),
    };
    Ok(Some(KnownRequest { fingerprint: row.try_get("fingerprint")?, outcome }))
}

/// A text of the database as the type that it was written from.
pub(crate) fn parsed<T>(row: &Row, column: &str) -> Result<Option<T>, DbError>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: Option<&str> = row.try_get(column)?;
    text.map(str::parse).transpose().map_err(DbError::unexpected)
}

/// JSON that is passed on as it is stored.
pub(crate) fn json(row: &Row, column: &str) -> Result<Option<Box<RawValue>>, DbError> {
    let text: Option<String> = row.try_get(column)?;
    text.map(RawValue::from_string).transpose().map_err(DbError::unexpected)
}

/// Decides that there will be no order, unless the request has a row already. Returns whether it
/// was decided now.
///
/// # Errors
/// The database failed. It may be decided; a second call changes nothing.
pub async fn fail(
    db: &Database,
    request: &OrderRequest,
    request_id: &RequestId,
    failure: &RequestFailure,
) -> Result<bool, DbError> {
    let sql = "
        with failed as (
            insert into order_requests (order_id, fingerprint, request_id, status, code, reason, errors, items,
                                        created_at, updated_at, traceparent)
            values ($1, $2, $3, 'FAILED', $4, $5, $6::text::json, $7::text::json, now(), now(), $8)
            on conflict (order_id) do nothing returning order_id
        )
        insert into request_outbox (order_id, stream, status, changed_at, due_at)
        select order_id, stream, 'FAILED', now(), now()
        from failed cross join (values (1, 'status'), (2, 'outcome')) as streams (place, stream) order by place
        returning 1";
    let RequestFailure { code, reason, errors, items } = failure;
    let text = |json: &Option<Box<RawValue>>| json.as_ref().map(|json| json.get().to_owned());
    let rows = db
        .query(
            sql,
            &[
                &request.order_id.uuid(),
                &request.fingerprint.as_bytes(),
                &request_id.as_str(),
                code,
                reason,
                &text(errors),
                &text(items),
                &traceparents::of(request_id),
            ],
        )
        .await?;
    Ok(!rows.is_empty())
}
