//! Whether what is stored keeps the rules that the services promise: read-only, from one snapshot,
//! for `restaurant-ctl audit`.
//!
//! Every transition of an order is one transaction, so each rule holds in every snapshot, however
//! busy the system is. What takes time by its nature (a message on its way, a lease, a sign of
//! life) gets that time and a margin.

mod contents;
mod flow;
mod identities;
mod lives;
mod numbers;

use std::time::Duration;

use domain::Specialisation;
use time::{Date, OffsetDateTime};
use tokio::time::timeout;
use tokio_postgres::types::{Timestamp, ToSql};
use tokio_postgres::{IsolationLevel, Row, Transaction};

pub use self::identities::GIVE_IDENTITIES;
use crate::database::Database;
use crate::error::DbError;
use crate::pool::Connection;
use crate::workers::held;

/// Most examples of one finding.
const EXAMPLES: usize = 10;

/// As many statements make an audit, and one more.
const STATEMENTS: u32 = 12;

/// Which orders are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// All there are.
    Ever,
    /// Those placed from the beginning of this UTC day.
    Day(Date),
    /// Those placed in so much time before now.
    Ago(Duration),
}

/// A rule about what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invariant {
    /// Numbers of a day: no gap, no double, as many as the day's counter says.
    OrderNumbers,
    /// Every order has an identity, and every identity its order, unless it bars one.
    Identities,
    /// The status log of every order is the beginning of a legal life.
    StatusLog,
    /// No order gets the same status twice; so none is cooked twice.
    StatusOnce,
    /// The last row of the status log is the status of the order.
    CurrentStatus,
    /// `completed_at` is set from `ready` on.
    CompletedAt,
    /// One to twenty items.
    Items,
    /// The items' prices make the total.
    TotalAmount,
    /// The priority follows from the total, or is the highest.
    Priority,
    /// An order that cooks is claimed, and its lease runs.
    CookingIsClaimed,
    /// A claimed order cooks.
    ClaimedIsCooking,
    /// Messages leave the outbox when they are due.
    Outbox,
    /// A worker's count is the number of orders that it made ready.
    OrdersProcessed,
    /// A worker that is online gives signs of life.
    WorkersAlive,
    /// Nothing is in flight: orders, outbox, claims. Checked only when asked for.
    AtRest,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::OrderNumbers,
        Self::Identities,
        Self::StatusLog,
        Self::StatusOnce,
        Self::CurrentStatus,
        Self::CompletedAt,
        Self::Items,
        Self::TotalAmount,
        Self::Priority,
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
            Self::CookingIsClaimed => "cooking_is_claimed",
            Self::ClaimedIsCooking => "claimed_is_cooking",
            Self::Outbox => "outbox",
            Self::OrdersProcessed => "orders_processed",
            Self::WorkersAlive => "workers_alive",
            Self::AtRest => "at_rest",
        }
    }
}

/// A rule that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub invariant: Invariant,
    /// How often it is broken.
    pub count: u64,
    /// The first of them, in words.
    pub examples: Vec<String>,
}

/// An order that waits for a cook, whose message was confirmed and which no live worker has written
/// down as held: so it should be in a queue, or on its way from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingOrder {
    /// Its row.
    pub id: i32,
    /// Its number, as stored.
    pub number: String,
    /// Its type, as stored.
    pub order_type: String,
}

/// A worker that is online and was seen lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnlineWorker {
    /// What it cooks.
    pub specialisation: Specialisation,
}

/// What the database says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// When the snapshot was taken, by the database's clock.
    pub at: OffsetDateTime,
    /// Orders looked at.
    pub orders: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Orders whose messages must be somewhere, the oldest first.
    pub waiting: Vec<WaitingOrder>,
    /// Who cooks.
    pub online: Vec<OnlineWorker>,
}

/// What to look at, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Which orders.
    pub since: Since,
    /// Whether nothing should be in flight.
    pub settled: bool,
    /// Longest time for one statement.
    pub statement_timeout: Duration,
}

/// The lower bounds of a scope, as SQL takes them: everything from them on counts.
struct LowerBound {
    at: OffsetDateTime,
    /// `created_at`. Never as a text: how one is read depends on the server's settings.
    moment: Timestamp<OffsetDateTime>,
    /// `number`: the first possible one of that day, so that its index serves.
    number: String,
    /// Whether these are all orders.
    is_ever: bool,
}

/// Looks at everything, in one read-only snapshot: nobody waits for it, and it waits for nobody.
///
/// # Errors
/// The database failed, or a statement took longer than the limit.
pub async fn run(db: &Database, scope: &Scope) -> Result<Audit, DbError> {
    // The server ends a statement that takes too long; this is for one that does not answer at all.
    let deadline = scope.statement_timeout * STATEMENTS;
    timeout(deadline, look(db, scope)).await.unwrap_or(Err(DbError::Timeout(deadline)))
}

async fn look(db: &Database, scope: &Scope) -> Result<Audit, DbError> {
    let mut client = db.client().await?;
    let transaction = snapshot(&mut client, scope.statement_timeout).await?;
    let from = begin(&transaction, scope.since).await?;
    let mut findings = numbers::check(&transaction, &from).await?;
    findings.extend(identities::check(&transaction, &from).await?);
    findings.extend(lives::check(&transaction, &from).await?);
    findings.extend(contents::check(&transaction, &from).await?);
    findings.extend(flow::check(&transaction, &from).await?);
    if scope.settled {
        findings.extend(flow::check_at_rest(&transaction).await?);
    }
    let waiting = flow::waiting(&transaction, scope.settled).await?;
    let online = flow::online_workers(&transaction).await?;
    let orders = contents::count(&transaction, &from).await?;
    transaction.commit().await?;
    client.release();
    Ok(Audit { at: from.at, orders, findings, waiting, online })
}

/// Which of these orders wait still, their messages confirmed, and in no live worker's hands.
///
/// # Errors
/// The database failed.
pub async fn still_waiting(db: &Database, orders: &[WaitingOrder]) -> Result<Vec<WaitingOrder>, DbError> {
    let ids: Vec<i32> = orders.iter().map(|order| order.id).collect();
    let sql = format!(
        "with {}
        select id, number, type from orders
        where id = any($1) and coalesce(status, 'received') = 'received'
          and not exists (select from order_outbox where order_id = id)
          and not exists (select from held where held.number = orders.number)
        order by id",
        held()
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
    // Behind a migration that waits for its locks, nobody should wait for an audit. It reads
    // whole tables, in one go.
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

/// Runs a statement that returns broken rules as `(invariant, example)`; counts them, and
/// keeps the first examples.
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
