//! `request_outbox`: what happened to the orders that messages ask for.

use domain::RequestId;
use domain::order_request::{RequestDetails, RequestEvent, RequestStatus};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{ASYNC_COMMIT, DUE, Look, OLD, Published, Relayed, Statements, relay, request_id};
use crate::adjustments;
use crate::database::{Database, DbError};
use crate::order_requests::{json, parsed};
use crate::traceparents;

/// For whom an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestStream {
    /// Those who follow requests: every status.
    Status,
    /// Those who keep what became of them: the final status, with everything that is known.
    Outcome,
}

impl RequestStream {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Status, Self::Outcome];

    /// The name used in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Outcome => "outcome",
        }
    }
}

/// An event to publish.
#[derive(Clone, Debug)]
pub struct RequestEventRow {
    /// Its row id.
    pub id: i64,
    /// The request whose message asked for the order.
    pub request_id: RequestId,
    /// The message.
    pub event: RequestEvent,
    /// Whether its transaction began more than [`OLD`] ago.
    pub is_old: bool,
}

/// As [`relay_orders`](super::relay_orders), for the events of a stream. Of each request it takes
/// only the oldest, so that nobody learns of the end before the beginning.
///
/// Rows are looked up by the key of their request (`offset 0`, and no other index), whatever the
/// plan was made for. Otherwise each pass could read everything that waits.
///
/// # Errors
/// The database failed. The next run finds everything again.
pub async fn relay_request_events(
    db: &Database,
    stream: RequestStream,
    look: Look,
    publish: impl AsyncFnOnce(Vec<RequestEventRow>) -> Published<i64>,
) -> Result<Relayed, DbError> {
    let select = format!(
        "select next.id, attempts, request.request_id, next.order_id, next.status, changed_at,
                request.order_number, request.total_amount::text, request.code, request.reason,
                request.errors::text, details.customer_name, details.type as order_type,
                coalesce(details.items, request.items::text) as items, details.adjustments,
                next.stream = 'outcome' as has_details, request.traceparent,
                changed_at < now() - make_interval(secs => {OLD}) as is_old
         from request_outbox as next
         cross join lateral (
             select * from order_requests where order_requests.order_id = next.order_id offset 0
         ) as request
         left join lateral (
             select customer_name, type,
                    (select json_agg(json_build_object('name', name, 'quantity', quantity, 'price', price)
                                     order by order_items.id)::text
                     from order_items where order_items.order_id = orders.id) as items,
                    {adjustments} as adjustments
             from orders where orders.id = request.placed_as and next.stream = 'outcome' offset 0
         ) as details on true
         where least(attempts, 1) = $2::boolean::integer and next.stream = $3 and {DUE}
           and not exists (select 1 from request_outbox as older
                           where older.order_id = next.order_id and older.stream || '' = next.stream
                             and older.id + 0 < next.id offset 0)
         order by next.id limit $1
         for update of next skip locked",
        adjustments = adjustments::of_order("orders.id"),
        OLD = OLD.as_secs()
    );
    let stream = stream.as_str();
    let delete = format!("{ASYNC_COMMIT} delete from request_outbox using unhurried where id = any($1)");
    let statements = Statements {
        select: &select,
        parameters: &[&stream],
        delete: &delete,
        back_off: "
            update request_outbox set attempts = attempts + 1, due_at = statement_timestamp() + make_interval(secs => pause)
            from unnest($1::bigint[], $2::float8[]) as refused (key, pause) where id = key",
    };
    relay(db, statements, look, event_row, publish).await
}

fn event_row(row: &Row) -> Result<RequestEventRow, DbError> {
    let status: RequestStatus = row.try_get::<_, &str>("status")?.parse().map_err(DbError::unexpected)?;
    let has_failed = status == RequestStatus::Failed;
    let details = if row.try_get("has_details")? {
        Some(RequestDetails {
            code: row.try_get("code")?,
            customer_name: row.try_get("customer_name")?,
            order_type: row.try_get("order_type")?,
            items: json(row, "items")?,
            adjustments: json(row, "adjustments")?,
            errors: json(row, "errors")?,
        })
    } else {
        None
    };
    Ok(RequestEventRow {
        id: row.try_get(0)?,
        request_id: request_id(row, 2)?.with_trace(traceparents::read(row)?),
        event: RequestEvent {
            order_id: row.try_get::<_, Uuid>("order_id")?.into(),
            order_number: parsed(row, "order_number")?,
            status,
            reason: row.try_get::<_, Option<String>>("reason")?.filter(|_| has_failed),
            total_amount: parsed(row, "total_amount")?,
            timestamp: row.try_get::<_, OffsetDateTime>("changed_at")?.into(),
            details,
        },
        is_old: row.try_get("is_old")?,
    })
}
