//! Stores orders of which none is refused, as almost always, in one statement.

use std::collections::HashSet;
use std::sync::LazyLock;

use domain::inventory::StockLeft;

use super::values::{self, Sale};
use super::{placed_orders, repeats_a_request};
use crate::database::{Database, DbError};
use crate::named::NamedStatement;
use crate::orders::{PlacedOrder, Placement};

/// As `PLACE`, if the messages of all orders came for the first time and there is enough of all
/// items. It takes them from the stock. Otherwise it writes nothing.
static IF_ALL_ADMITTED: LazyLock<NamedStatement> = LazyLock::new(|| {
    NamedStatement::new(concat!(
        include_str!("wanted.sql"),
        include_str!("if_all_admitted.sql"),
        ", ",
        include_str!("place.sql"),
        include_str!("from_menu.sql"),
        include_str!("requested.sql"),
        include_str!("placed.sql")
    ))
});

/// Stores the orders. `None`: at least one of them is to be refused. Nothing was stored.
pub(super) async fn place(
    db: &Database,
    orders: &[Placement<'_>],
) -> Result<Option<Vec<PlacedOrder>>, DbError> {
    let mut requests = HashSet::new();
    let mut requested = orders.iter().filter_map(|new| new.request);
    if !requested.all(|request| requests.insert(request.order_id.uuid())) {
        return Ok(None);
    }
    let demands = orders.iter().zip(1..).filter_map(|(new, place)| Some((place, new.from_menu?.demand)));
    let sales: Vec<Sale<'_>> = demands
        .flat_map(|(place, demand)| {
            demand.items().map(move |(item_id, quantity)| Sale { place, item_id, quantity })
        })
        .collect();
    if sales.iter().any(|sale| sale.quantity > StockLeft::MAX) {
        return Ok(None);
    }
    let parameters = values::with_all(values::orders(&IF_ALL_ADMITTED, orders)?, orders, &sales)?;
    match db.query(IF_ALL_ADMITTED.sql(), &parameters.in_order()?).await {
        Ok(rows) if rows.is_empty() => Ok(None),
        Ok(rows) => placed_orders(&rows, orders.len()).map(Some),
        // Another service has stored it since the statement began.
        Err(why) if repeats_a_request(&why) => Ok(None),
        Err(why) => Err(why),
    }
}
