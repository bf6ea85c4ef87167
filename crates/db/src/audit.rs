//! Checks the stored data against the rules that the services promise, for `restaurant-ctl audit`.
//! Reads one snapshot and changes nothing.
//!
//! Every transition of an order is one transaction, so each rule holds in every snapshot, even
//! under load. Some states may last for a while: a message in flight, a lease, a heartbeat. They
//! count as broken only after that time and a margin.

mod contents;
mod flow;
mod histories;
mod identities;
mod numbers;
mod requests;
mod restores;
mod stock;

use std::time::Duration;

use domain::Specialisation;
use time::{Date, OffsetDateTime};
use tokio::time::timeout;
use tokio_postgres::types::{Timestamp, ToSql};
use tokio_postgres::{IsolationLevel, Row, Transaction};

pub use self::identities::GIVE_IDENTITIES;
pub use self::restores::{MOST_LOST, Named, Restores};
use crate::database::Database;
use crate::error::DbError;
use crate::held_orders::waits_to_be_cooked_again;
use crate::pool::Connection;
use crate::workers::held;

/// The most examples per finding.
const EXAMPLES: usize = 10;

/// The number of statements in an audit, and one more.
const STATEMENTS: u32 = 17;

/// Which orders are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// All orders.
    Ever,
    /// Orders placed since the beginning of this UTC day.
    Day(Date),
    /// Orders placed within this time before now.
    Ago(Duration),
}

/// A rule about the stored data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invariant {
    /// Order numbers of a day have no gap and no duplicate, and agree with the day's counter.
    OrderNumbers,
    /// Every order has an identity. Every identity has an order, unless it bars one.
    Identities,
    /// The status log of every order is a legal sequence of transitions.
    StatusLog,
    /// No order has the same status twice in its log, unless it was recalled; so none is cooked
    /// twice by mistake.
    StatusOnce,
    /// The last row of the status log has the order's status.
    CurrentStatus,
    /// `completed_at` is set from `ready` on.
    CompletedAt,
    /// An order has one to twenty items.
    Items,
    /// The items' prices, and what price rules changed, add up to the total.
    TotalAmount,
    /// The priority follows from the total, or is the highest.
    Priority,
    /// What is left of an item is the sum of its movements. A cancelled order keeps nothing of it.
    Stock,
    /// The request of a message and its order agree. It is decided once the order's message has
    /// left the outbox.
    Requests,
    /// An order in `cooking` has a claim with a valid lease.
    CookingIsClaimed,
    /// A claimed order is in `cooking`.
    ClaimedIsCooking,
    /// Due messages leave the outbox.
    Outbox,
    /// A worker's counter is the number of orders that it finished, without those that it
    /// recalled.
    OrdersProcessed,
    /// An online worker sends heartbeats.
    WorkersAlive,
    /// Nothing is in flight: no orders, outbox rows or claims. Checked only on request.
    AtRest,
}

impl Invariant {
    /// All rules.
    pub const ALL: [Self; 17] = [
        Self::OrderNumbers,
        Self::Identities,
        Self::StatusLog,
        Self::StatusOnce,
        Self::CurrentStatus,
        Self::CompletedAt,
        Self::Items,
        Self::TotalAmount,
        Self::Priority,
        Self::Stock,
        Self::Requests,
        Self::CookingIsClaimed,
        Self::ClaimedIsCooking,
        Self::Outbox,
        Self::OrdersProcessed,
        Self::WorkersAlive,
        Self::AtRest,
    ];

    /// Its name in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrderNumbers => "order_numbers",
            Self::Identities => "identities",
            Self::StatusLog => "status_log",
            Self::StatusOnce => "status_once",
            Self::CurrentStatus => "current_status",
            Self::CompletedAt => "completed_at",
            Self::Items => "items",
            Self::TotalAmount => "total_amount",
            Self::Priority => "priority",
            Self::Stock => "stock",
            Self::Requests => "requests",
            Self::CookingIsClaimed => "cooking_is_claimed",
            Self::ClaimedIsCooking => "claimed_is_cooking",
            Self::Outbox => "outbox",
            Self::OrdersProcessed => "orders_processed",
            Self::WorkersAlive => "workers_alive",
            Self::AtRest => "at_rest",
        }
    }
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub invariant: Invariant,
    /// How many times it is broken.
    pub count: u64,
    /// The first violations, as sentences.
    pub examples: Vec<String>,
}

/// An unclaimed order whose message was confirmed and that no live worker reports as held. So its
/// message should be in a queue, or on its way from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingOrder {
    /// Its row id.
    pub id: i32,
    /// Its number, as stored.
    pub number: String,
    /// Its type, as stored.
    pub order_type: String,
}

/// An online worker with a recent heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnlineWorker {
    /// The order types that it cooks.
    pub specialisation: Specialisation,
}

/// The result of an audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The time of the snapshot, by the database's clock.
    pub at: OffsetDateTime,
    /// The number of checked orders.
    pub orders: u64,
    /// The broken rules.
    pub findings: Vec<Finding>,
    /// Orders whose messages must be in the broker, the oldest first.
    pub waiting: Vec<WaitingOrder>,
    /// The online workers.
    pub online: Vec<OnlineWorker>,
    /// What restores left for a person.
    pub restores: Restores,
}

/// What to check, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Which orders.
    pub since: Since,
    /// Whether nothing should be in flight.
    pub settled: bool,
    /// The server's time limit per statement.
    pub statement_timeout: Duration,
}

/// The lower bounds of a scope, as SQL takes them, inclusive.
struct LowerBound {
    at: OffsetDateTime,
    /// For `created_at`. Never as text, because how the server parses text depends on its settings.
    moment: Timestamp<OffsetDateTime>,
    /// For `number`: the lowest number of that day, so that its index can be used.
    number: String,
    /// Whether all orders are checked.
    is_ever: bool,
}

/// Runs all checks in one read-only snapshot, which blocks no other transaction.
///
/// # Errors
/// The database failed, or a statement exceeded its limit.
pub async fn run(db: &Database, scope: &Scope) -> Result<Audit, DbError> {
    // The server ends a slow statement. This deadline is for a server that does not answer.
    let deadline = scope.statement_timeout * STATEMENTS;
    timeout(deadline, check_all(db, scope)).await.unwrap_or(Err(DbError::Timeout(deadline)))
}

async fn check_all(db: &Database, scope: &Scope) -> Result<Audit, DbError> {
    let mut client = db.client().await?;
    let transaction = snapshot(&mut client, scope.statement_timeout).await?;
    let from = begin(&transaction, scope.since).await?;
    let mut findings = numbers::check(&transaction, &from).await?;
    findings.extend(identities::check(&transaction, &from).await?);
    findings.extend(histories::check(&transaction, &from).await?);
    findings.extend(contents::check(&transaction, &from).await?);
    findings.extend(stock::check(&transaction, &from).await?);
    findings.extend(requests::check(&transaction, &from).await?);
    findings.extend(flow::check(&transaction, &from).await?);
    if scope.settled {
        findings.extend(flow::check_at_rest(&transaction).await?);
    }
    let waiting = flow::waiting(&transaction, scope.settled).await?;
    let online = flow::online_workers(&transaction).await?;
    let restores = restores::check(&transaction, &from).await?;
    let orders = contents::count(&transaction, &from).await?;
    transaction.commit().await?;
    client.release();
    Ok(Audit { at: from.at, orders, findings, waiting, online, restores })
}

/// Returns those of the orders that are still waiting, with confirmed messages, and held by no live
/// worker.
///
/// # Errors
/// The database failed.
pub async fn still_waiting(db: &Database, orders: &[WaitingOrder]) -> Result<Vec<WaitingOrder>, DbError> {
    let ids: Vec<i32> = orders.iter().map(|order| order.id).collect();
    let sql = format!(
        "with {}
        select id, number, type from orders
        where id = any($1) and (coalesce(status, 'received') = 'received' or {})
          and not exists (select from order_outbox where order_id = id)
          and not exists (select from held where held.number = orders.number)
        order by id",
        held(),
        waits_to_be_cooked_again()
    );
    db.query(&sql, &[&ids]).await?.iter().map(flow::waiting_order).collect()
}

async fn snapshot(client: &mut Connection, statement_timeout: Duration) -> Result<Transaction<'_>, DbError> {
    let transaction = client
        .raw()
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    // A migration waiting for its locks must not wait for an audit, nor others behind it. The audit
    // reads whole tables, so it scans them sequentially.
    let limits = format!(
        "set local statement_timeout = {}; set local lock_timeout = '5s'; set local enable_seqscan = on",
        statement_timeout.as_millis().clamp(1, 3_600_000)
    );
    transaction.batch_execute(&limits).await?;
    Ok(transaction)
}

async fn begin(transaction: &Transaction<'_>, since: Since) -> Result<LowerBound, DbError> {
    let (moment, ago) = match since {
        Since::Ever => (Some(Timestamp::NegInfinity), 0.0),
        Since::Day(day) => (Some(Timestamp::Value(day.midnight().assume_utc())), 0.0),
        Since::Ago(ago) => (None, ago.as_secs_f64()),
    };
    let sql = "
        select now(), moment,
               case when isfinite(moment) then 'ORD_' || to_char(moment at time zone 'utc', 'YYYYMMDD') else '' end
        from coalesce($1::timestamptz, now() - make_interval(secs => $2)) as moment";
    let row = transaction.query_one(sql, &[&moment, &ago]).await?;
    Ok(LowerBound {
        at: row.try_get(0)?,
        moment: row.try_get(1)?,
        number: row.try_get(2)?,
        is_ever: since == Since::Ever,
    })
}

/// Runs a statement that returns violations as `(invariant, example)`. Counts them and keeps the
/// first examples.
async fn findings(
    transaction: &Transaction<'_>,
    broken: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Finding>, DbError> {
    let sql = format!(
        "with broken (invariant, example) as ({broken}),
         placed as (select *, row_number() over (partition by invariant order by example) as place from broken)
         select invariant, count(*), array_agg(example order by place) filter (where place <= {EXAMPLES})
         from placed group by invariant"
    );
    let rows = transaction.query(&sql, parameters).await?;
    rows.iter().map(finding).collect()
}

fn finding(row: &Row) -> Result<Finding, DbError> {
    let name: &str = row.try_get(0)?;
    let invariant = Invariant::ALL.into_iter().find(|invariant| invariant.as_str() == name);
    Ok(Finding {
        invariant: invariant.ok_or_else(|| DbError::unexpected(format!("no invariant is named '{name}'")))?,
        count: u64::try_from(row.try_get::<_, i64>(1)?).map_err(DbError::unexpected)?,
        examples: row.try_get(2)?,
    })
}
