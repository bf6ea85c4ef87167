//! Stores the orders that are admitted: their messages came for the first time, and there is enough
//! of their items. The others are refused.

use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

use domain::inventory::{Admission, Decrement, Demand, Shortage, Stock, admit_one};
use tokio_postgres::Row;
use uuid::Uuid;

use super::values::{self, Sale};
use super::{placed_orders, repeats_a_request};
use crate::database::{BEGIN, Database, DbError, Decision, Reading};
use crate::inventory;
use crate::named::NamedStatement;
use crate::orders::{PlaceOutcome, Placement};

/// Locks the stock of the items, and looks which requests have their rows already.
static LOOK: LazyLock<NamedStatement> = LazyLock::new(|| NamedStatement::new(include_str!("look.sql")));

/// As `PLACE`, and takes what the orders want from the stock, which is locked already.
static ADMITTED: LazyLock<NamedStatement> = LazyLock::new(|| {
    NamedStatement::new(concat!(
        include_str!("wanted.sql"),
        ", stock as (select item_id, \"left\" from inventory_items where item_id = any($wanted_items)), ",
        "admitted as (select), ",
        include_str!("place.sql"),
        include_str!("from_menu.sql"),
        include_str!("requested.sql"),
        include_str!("placed.sql")
    ))
});

/// What was decided about an order.
enum Decided {
    /// Its message came before.
    Repeated,
    OutOfStock(Vec<Shortage>),
    Admitted(Vec<Decrement>),
}

/// Two round trips: the first one locks the stock, the second one stores what is admitted.
///
/// The second one locks the counter of numbers first, because what it stores is numbered by it.
/// PostgreSQL does not promise the order in which it runs the other parts of the statement, and
/// nothing depends on it: no other transaction waits for any of their rows and holds the counter.
pub(super) async fn place(db: &Database, orders: &[Placement<'_>]) -> Result<Vec<PlaceOutcome>, DbError> {
    let mut repetitions = 0..orders.len();
    loop {
        match place_once(db, orders).await {
            // Another service has stored the request of one of them since the first step. Now it is
            // found.
            Err(why) if repeats_a_request(&why) && repetitions.next().is_some() => {}
            outcomes => return outcomes,
        }
    }
}

async fn place_once(db: &Database, orders: &[Placement<'_>]) -> Result<Vec<PlaceOutcome>, DbError> {
    let demands: Vec<Demand> = orders
        .iter()
        .map(|new| new.from_menu.map(|from_menu| from_menu.demand.clone()).unwrap_or_default())
        .collect();
    let items: BTreeSet<&str> =
        demands.iter().flat_map(Demand::items).map(|(item, _)| item.as_str()).collect();
    let items: Vec<&str> = items.into_iter().collect();
    let requests: Vec<Uuid> = orders.iter().filter_map(request_of).collect();
    let look = LOOK.bind().with("items", items).with("requests", requests);
    let look = Reading { begin: BEGIN, sql: LOOK.sql(), parameters: &look.in_order()? };
    let (decided, rows) = db
        .read_then_write(look, ADMITTED.sql(), |rows| {
            let (known, stock) = known_and_left(rows)?;
            decision(orders, decide(orders, &demands, stock, known))
        })
        .await?;
    let count = decided.iter().filter(|decided| matches!(decided, Decided::Admitted(_))).count();
    let mut placed = placed_orders(&rows, count)?.into_iter();
    let outcome = |decided| match decided {
        Decided::Repeated => Some(PlaceOutcome::Repeated),
        Decided::OutOfStock(shortages) => Some(PlaceOutcome::OutOfStock(shortages)),
        Decided::Admitted(_) => placed.next().map(PlaceOutcome::Placed),
    };
    Ok(decided.into_iter().filter_map(outcome).collect())
}

fn request_of(new: &Placement<'_>) -> Option<Uuid> {
    new.request.map(|request| request.order_id.uuid())
}

/// The requests that have their rows, and the stock.
fn known_and_left(rows: &[Row]) -> Result<(HashSet<Uuid>, Stock), DbError> {
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
/// that is admitted has the row.
fn decide(
    orders: &[Placement<'_>],
    demands: &[Demand],
    mut stock: Stock,
    mut known: HashSet<Uuid>,
) -> Vec<Decided> {
    let decide = |(new, demand): (&Placement<'_>, &Demand)| {
        let request = request_of(new);
        if request.is_some_and(|request| known.contains(&request)) {
            return Decided::Repeated;
        }
        match admit_one(&mut stock, demand) {
            Admission::Refused(shortages) => Decided::OutOfStock(shortages),
            Admission::Admitted(decrements) => {
                known.extend(request);
                Decided::Admitted(decrements)
            }
        }
    };
    orders.iter().zip(demands).map(decide).collect()
}

/// What is written. Without an admitted order nothing is.
fn decision<'a>(
    orders: &[Placement<'a>],
    decided: Vec<Decided>,
) -> Result<Decision<'a, Vec<Decided>>, DbError> {
    let admitted = orders.iter().zip(&decided).filter_map(|(new, decided)| match decided {
        Decided::Admitted(decrements) => Some((*new, decrements)),
        Decided::Repeated | Decided::OutOfStock(_) => None,
    });
    let (admitted, decrements): (Vec<Placement<'a>>, Vec<&Vec<Decrement>>) = admitted.unzip();
    if admitted.is_empty() {
        return Ok(Decision { result: decided, writing: None });
    }
    let sales = decrements.into_iter().zip(1..).flat_map(|(decrements, place)| {
        decrements.iter().map(move |taken| Sale { place, item_id: &taken.item_id, quantity: taken.quantity })
    });
    let sales: Vec<Sale<'_>> = sales.collect();
    let writing = values::with_all(values::orders(&ADMITTED, &admitted)?, &admitted, &sales)?;
    Ok(Decision { result: decided, writing: Some(writing) })
}
