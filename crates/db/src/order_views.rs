//! Whole orders, for those who may see them: one, or a page of a list.

use domain::{Money, OrderIdentity, OrderNumber, OrderStatus, OrderTypes};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::adjustments;
use crate::database::{Database, DbError};
use crate::order_requests::json;
use crate::recent::lowest_id;
use crate::status_notes;

/// Most orders that one page looks through. If fewer of them fit, the page is short, and the next
/// one goes on behind them.
pub const MOST_SCANNED: i64 = 20_000;
/// Orders that a page looks through at first.
const FIRST_SCANNED: i64 = 128;

/// Whether names and addresses are read. Only some roles have a right to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// They are read.
    Shown,
    /// They are left out.
    Hidden,
}

/// An order with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// Its number.
    pub number: String,
    /// Its type.
    pub order_type: String,
    /// Its status.
    pub status: String,
    /// The customer's name. `None` if it was left out.
    pub customer_name: Option<String>,
    /// The table, of an order at a table.
    pub table_number: Option<i32>,
    /// The address, of an order by courier. `None` if it was left out, too.
    pub delivery_address: Option<String>,
    /// What was ordered.
    pub items: Vec<ItemView>,
    /// What the guest pays.
    pub total_amount: Money,
    /// 1, 5 or 10, or more if it waited for long.
    pub priority: i32,
    /// The worker that cooks or cooked it.
    pub processed_by: Option<String>,
    /// When it was placed.
    pub created_at: OffsetDateTime,
    /// When its status changed.
    pub updated_at: OffsetDateTime,
    /// Its log, the oldest step first.
    pub history: Vec<StepView>,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemView {
    /// Its name.
    pub name: String,
    /// Pieces.
    pub quantity: i32,
    /// What a piece costs.
    pub price: Money,
}

/// One step of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepView {
    /// The new status.
    pub status: String,
    /// When it changed.
    pub changed_at: OffsetDateTime,
    /// Who changed it.
    pub changed_by: String,
    /// What was noted, without the request that asked for the change.
    pub notes: Option<String>,
    /// Why it changed, if somebody said so: a part of the notes.
    pub reason: Option<String>,
}

/// One order, with what lists leave out.
#[derive(Clone, Debug)]
pub struct WholeOrder {
    /// The order.
    pub order: OrderView,
    /// What price rules changed, in the order of application: a JSON array of
    /// [`Adjustment`](domain::pricing::Adjustment).
    pub adjustments: Option<Box<RawValue>>,
    /// Its identity. An order of a version before may have none.
    pub identity: Option<OrderIdentity>,
}

/// Which orders a list has.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those in one of these statuses. Empty: in any.
    pub statuses: Vec<OrderStatus>,
    /// Those of these types.
    pub types: OrderTypes,
    /// Those placed at this moment or later.
    pub since: Option<OffsetDateTime>,
    /// Those whose number, name or address has this text, in any case.
    pub text: Option<String>,
    /// Those placed before the one of this cursor.
    pub before: Option<i64>,
    /// So many at most.
    pub limit: u16,
}

/// A page of a list: the newest order first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The orders.
    pub orders: Vec<OrderView>,
    /// Where the next page begins. `None` behind the last one.
    pub next: Option<i64>,
}

/// The columns of an [`OrderView`], of `o`, which has the columns of `orders`.
const COLUMNS: &str = "
    o.number, o.type, coalesce(o.status, 'received') as status, o.customer_name, o.table_number, o.delivery_address,
    o.total_amount::text as total_amount, coalesce(o.priority, 1) as priority, o.processed_by, o.created_at,
    o.updated_at, items.*, steps.*";

/// The columns of `orders` that [`COLUMNS`] needs, by name: not every role may read them all.
fn of_orders(contact: Contact) -> String {
    let contact = match contact {
        Contact::Shown => "customer_name, delivery_address",
        Contact::Hidden => "null::text as customer_name, null::text as delivery_address",
    };
    format!(
        "id, number, type, status, table_number, total_amount, priority, processed_by, created_at, updated_at, {contact}"
    )
}

/// The lines and the steps of `o`, each looked up in its index. They are put in order by the
/// aggregates: with an order of its own a query may read the whole index of ids instead.
const JOINS: &str = "
    cross join lateral (
        select coalesce(array_agg(name order by id), '{}') as names,
               coalesce(array_agg(quantity order by id), '{}') as quantities,
               coalesce(array_agg(price::text order by id), '{}') as prices
        from order_items where order_id = o.id
    ) as items
    cross join lateral (
        select coalesce(array_agg(coalesce(status, '') order by id), '{}') as step_statuses,
               coalesce(array_agg(coalesce(changed_at, log.created_at) order by id), '{}') as step_times,
               coalesce(array_agg(coalesce(changed_by, '') order by id), '{}') as step_actors,
               coalesce(array_agg(notes order by id), '{}') as step_notes
        from order_status_log as log where order_id = o.id
    ) as steps";

/// Returns an order, if there is one of this number.
///
/// # Errors
/// The database failed.
pub async fn one(
    db: &Database,
    number: &OrderNumber,
    contact: Contact,
) -> Result<Option<WholeOrder>, DbError> {
    let sql = format!(
        "select {COLUMNS}, (select identity from order_identities where order_id = o.id limit 1) as identity,
                coalesce({adjustments}, '[]') as adjustments
         from (select {of_orders} from orders where number = $1 limit 1) as o {JOINS}",
        of_orders = of_orders(contact),
        adjustments = adjustments::of_order("o.id")
    );
    let row = db.query_opt(&sql, &[&number.to_string()]).await?;
    let whole = |row: Row| -> Result<WholeOrder, DbError> {
        Ok(WholeOrder {
            order: view(&row)?,
            adjustments: json(&row, "adjustments")?,
            identity: row.try_get::<_, Option<Uuid>>("identity")?.map(Into::into),
        })
    };
    row.map(whole).transpose()
}

/// Returns a page of the orders that fit the filter. An order never is on two pages, and none that
/// was there at the first page is left out.
///
/// # Errors
/// The database failed.
pub async fn list(db: &Database, filter: &Filter) -> Result<Page, DbError> {
    // Orders are looked through by parts, the newest first and each twice as large as the one
    // before, until enough fit, or until one page has looked through as many as it may. A part may
    // be sorted whole, as a plan does that was made for an empty table.
    let sql = format!(
        "
        with recursive {first}, range as (
            select first.id as first, greatest(first.id, before - {MOST_SCANNED}) as low, before
            from first, (select least($5::bigint, (select coalesce(max(id), 0)::bigint + 1 from orders)) as before) as newest
        ), parts (low, size, ids, fit) as (
            select before, {FIRST_SCANNED}::bigint, '{{}}'::bigint[], 0 from range
            union all
            select part.low, size * 2, page.ids, fit + cardinality(page.ids)
            from parts cross join range
            cross join lateral (select greatest(range.low, parts.low - size) as low) as part
            cross join lateral (
                select coalesce(array_agg(id::bigint), '{{}}') as ids from orders as o
                where id >= part.low and id < parts.low
                  and (cardinality($2::text[]) = 0 or coalesce(o.status, 'received') = any($2))
                  and o.type = any($3::text[]) and o.created_at >= $1::timestamptz
                  and ($4::text is null or strpos(lower(concat_ws(' ', o.number, o.customer_name, o.delivery_address)), lower($4)) > 0)
            ) as page
            where fit < $6::bigint and parts.low > range.low
        ), found as (
            select id from parts cross join unnest(ids) as id order by id desc limit $6::bigint
        ), scanned as (
            select min(parts.low) as low, min(range.first) as first, max(fit) as fit from parts cross join range
        )
        select case when scanned.fit < $6::bigint and scanned.low > scanned.first then scanned.low end as scanned_to,
               o.id::bigint as id, {COLUMNS}
        from scanned left join (
            found cross join lateral (select {of_orders} from orders where id = found.id limit 1) as o {JOINS}
        ) on true
        order by o.id desc",
        first = lowest_id("first", "orders", "created_at", "$1::timestamptz"),
        of_orders = of_orders(Contact::Shown)
    );
    let statuses: Vec<&str> = filter.statuses.iter().map(|status| status.as_str()).collect();
    let types: Vec<&str> = filter.types.iter().map(domain::OrderType::as_str).collect();
    let since = filter.since.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let before = filter.before.unwrap_or(i64::MAX);
    let (limit, one_more) = (usize::from(filter.limit), i64::from(filter.limit) + 1);
    let parameters: [&(dyn ToSql + Sync); 6] = [&since, &statuses, &types, &filter.text, &before, &one_more];
    let rows = db.query(&sql, &parameters).await?;
    let first = rows.first().ok_or_else(|| DbError::unexpected("a list without a row"))?;
    // As many as one page looks through. Behind this one there may be more.
    let scanned_to: Option<i64> = first.try_get("scanned_to")?;
    let mut orders = Vec::new();
    let mut last = None;
    for row in &rows {
        let Some(id) = row.try_get::<_, Option<i64>>("id")? else { break };
        if orders.len() == limit {
            return Ok(Page { orders, next: last });
        }
        orders.push(view(row)?);
        last = Some(id);
    }
    Ok(Page { orders, next: scanned_to })
}

fn view(row: &Row) -> Result<OrderView, DbError> {
    let money = |text: &str| text.parse::<Money>().map_err(DbError::unexpected);
    let names: Vec<String> = row.try_get("names")?;
    let quantities: Vec<i32> = row.try_get("quantities")?;
    let prices: Vec<String> = row.try_get("prices")?;
    let items = names.into_iter().zip(quantities).zip(&prices);
    let items = items
        .map(|((name, quantity), price)| Ok(ItemView { name, quantity, price: money(price)? }))
        .collect::<Result<_, DbError>>()?;
    let statuses: Vec<String> = row.try_get("step_statuses")?;
    let times: Vec<OffsetDateTime> = row.try_get("step_times")?;
    let actors: Vec<String> = row.try_get("step_actors")?;
    let notes: Vec<Option<String>> = row.try_get("step_notes")?;
    let history = statuses.into_iter().zip(times).zip(actors).zip(notes);
    let history = history
        .map(|(((status, changed_at), changed_by), notes)| {
            let reason = notes.as_deref().and_then(status_notes::reason).map(str::to_owned);
            let notes = notes.as_deref().and_then(status_notes::without_request).map(str::to_owned);
            StepView { status, changed_at, changed_by, notes, reason }
        })
        .collect();
    Ok(OrderView {
        number: row.try_get("number")?,
        order_type: row.try_get("type")?,
        status: row.try_get("status")?,
        customer_name: row.try_get("customer_name")?,
        table_number: row.try_get("table_number")?,
        delivery_address: row.try_get("delivery_address")?,
        items,
        total_amount: money(row.try_get("total_amount")?)?,
        priority: row.try_get("priority")?,
        processed_by: row.try_get("processed_by")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        history,
    })
}
