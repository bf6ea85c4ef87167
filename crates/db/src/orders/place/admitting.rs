//! Stores the orders that are admitted: their messages came for the first time, and there is enough
//! of their items.

use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

use domain::inventory::{Admission, Decrement, Demand, Shortage, Stock, admit_one};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{placed_orders, values};
use crate::database::{BEGIN, Database, DbError, Decision, Reading};
use crate::inventory;
use crate::named::NamedStatement;
use crate::orders::{PlaceOutcome, Placement};

/// As `PLACE`, and takes what the orders want from the stock, which is locked already.
static FROM_MENU: LazyLock<NamedStatement> = LazyLock::new(|| {
    NamedStatement::new(concat!(
        include_str!("place.sql"),
        include_str!("from_menu.sql"),
        "select identity, day, sequence, now() as placed_at from numbered order by place"
    ))
});

/// As [`FROM_MENU`], and completes the rows of the requests, which are reserved already.
static REQUESTED: LazyLock<NamedStatement> = LazyLock::new(|| {
    NamedStatement::new(concat!(
        include_str!("place.sql"),
        include_str!("from_menu.sql"),
        include_str!("requested.sql"),
        "select identity, day, sequence, now() as placed_at from numbered order by place"
    ))
});

/// Reserves the rows of the requests, then locks the stock. Both in one order, so that services do
/// not wait for each other in a circle.
static RESERVE: LazyLock<NamedStatement> = LazyLock::new(|| NamedStatement::new(include_str!("reserve.sql")));

/// What was decided about an order.
enum Decided {
    /// Its message came before.
    Repeated,
    OutOfStock(Vec<Shortage>),
    Admitted(Vec<Decrement>),
}

/// Two round trips: the first one locks, the second one stores what is admitted. The counter of
/// numbers is locked last.
pub(super) async fn place(db: &Database, orders: &[Placement<'_>]) -> Result<Vec<PlaceOutcome>, DbError> {
    let demands: Vec<Demand> = orders
        .iter()
        .map(|new| new.from_menu.map(|from_menu| from_menu.demand.clone()).unwrap_or_default())
        .collect();
    let items: BTreeSet<&str> =
        demands.iter().flat_map(Demand::items).map(|(item, _)| item.as_str()).collect();
    let items: Vec<&str> = items.into_iter().collect();
    let requested: Vec<&Placement<'_>> = orders.iter().filter(|new| new.request.is_some()).collect();
    let (decided, rows) = if requested.is_empty() {
        let lock = Reading { begin: BEGIN, sql: inventory::LOCK, parameters: &[&items] };
        db.read_then_write(lock, FROM_MENU.sql(), |rows| {
            let decided = decide(orders, &demands, inventory::stock(rows)?, HashSet::new());
            decision(&FROM_MENU, orders, decided)
        })
        .await?
    } else {
        let id = |new: &&Placement<'_>| new.request.map(|request| request.order_id.uuid());
        let fingerprint =
            |new: &&Placement<'_>| new.request.map(|request| request.fingerprint.as_bytes().to_vec());
        let reservation = RESERVE
            .bind()
            .with("request_orders", values::column(&requested, id))
            .with("request_fingerprints", values::column(&requested, fingerprint))
            .with("request_ids", values::column(&requested, |new| new.request_id.as_str()))
            .with("items", items);
        let reserve = Reading { begin: BEGIN, sql: RESERVE.sql(), parameters: &reservation.in_order()? };
        db.read_then_write(reserve, REQUESTED.sql(), |rows| {
            let (reserved, stock) = reserved(rows)?;
            decision(&REQUESTED, orders, decide(orders, &demands, stock, reserved))
        })
        .await?
    };
    let count = decided.iter().filter(|decided| matches!(decided, Decided::Admitted(_))).count();
    let mut placed = placed_orders(&rows, count)?.into_iter();
    let outcome = |decided| match decided {
        Decided::Repeated => Some(PlaceOutcome::Repeated),
        Decided::OutOfStock(shortages) => Some(PlaceOutcome::OutOfStock(shortages)),
        Decided::Admitted(_) => placed.next().map(PlaceOutcome::Placed),
    };
    Ok(decided.into_iter().filter_map(outcome).collect())
}

/// The requests whose rows were reserved, and the stock.
fn reserved(rows: &[Row]) -> Result<(HashSet<Uuid>, Stock), DbError> {
    let mut requests = HashSet::new();
    let mut levels = Vec::new();
    for row in rows {
        match row.try_get::<_, Option<Uuid>>("order_id")? {
            Some(request) => drop(requests.insert(request)),
            None => levels.push(row),
        }
    }
    Ok((requests, inventory::stock(levels)?))
}

/// Decides about the orders in their order. Of two messages with one id in a batch, the first one
/// has the row.
fn decide(
    orders: &[Placement<'_>],
    demands: &[Demand],
    mut stock: Stock,
    mut reserved: HashSet<Uuid>,
) -> Vec<Decided> {
    let decide = |(new, demand): (&Placement<'_>, &Demand)| {
        if new.request.is_some_and(|request| !reserved.remove(&request.order_id.uuid())) {
            return Decided::Repeated;
        }
        match admit_one(&mut stock, demand) {
            Admission::Refused(shortages) => Decided::OutOfStock(shortages),
            Admission::Admitted(decrements) => Decided::Admitted(decrements),
        }
    };
    orders.iter().zip(demands).map(decide).collect()
}

/// What is written. Without an admitted order nothing is, and what was reserved is free again.
fn decision<'a>(
    statement: &'a NamedStatement,
    orders: &[Placement<'a>],
    decided: Vec<Decided>,
) -> Result<Decision<'a, Vec<Decided>>, DbError> {
    let admitted = orders.iter().zip(&decided).filter_map(|(new, decided)| match decided {
        Decided::Admitted(decrements) => Some((*new, decrements.as_slice())),
        Decided::Repeated | Decided::OutOfStock(_) => None,
    });
    let (admitted, sales): (Vec<Placement<'a>>, Vec<&[Decrement]>) = admitted.unzip();
    if admitted.is_empty() {
        return Ok(Decision { result: decided, writing: None });
    }
    let forgotten = orders.iter().zip(&decided).filter_map(|(new, decided)| match decided {
        Decided::OutOfStock(_) => new.request.map(|request| request.order_id.uuid()),
        Decided::Repeated | Decided::Admitted(_) => None,
    });
    let writing = values::with_sales(values::orders(statement, &admitted)?, &sales)?;
    let mut writing = values::with_adjustments(writing, &admitted)?;
    if orders.iter().any(|new| new.request.is_some()) {
        writing = values::with_requests(writing, &admitted, forgotten.collect());
    }
    Ok(Decision { result: decided, writing: Some(writing) })
}
