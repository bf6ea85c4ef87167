//! Rows of `menu_items` as items.

use domain::menu::{MenuItem, SoldOutUntil};
use domain::record::Record;
use domain::timestamp::Timestamp;
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::error::DbError;

/// All items, with the columns that [`item`] reads.
pub(super) const ALL: &str = "
    select id, name, description, category, price::text, order_types, position::text, available::text, sold_out,
           sold_out_until
    from menu_items order by id";

/// The same, locked: nobody counts their stock meanwhile.
pub(super) const ALL_LOCKED: &str = "
    select id, name, description, category, price::text, order_types, position::text, available::text, sold_out,
           sold_out_until
    from menu_items order by id for update";

/// Reads an item by the rules of the domain: somebody may have written it by hand.
pub(super) fn item(row: &Row) -> Result<MenuItem, DbError> {
    let text = |column: &str| row.try_get::<_, &str>(column);
    let record = Record::default()
        .with("id", text("id")?)
        .with("name", text("name")?)
        .with("description", text("description")?)
        .with("category", text("category")?)
        .with("price", text("price")?)
        .with_list("order_types", row.try_get::<_, Vec<&str>>("order_types")?)
        .with("position", text("position")?)
        .with("available", text("available")?);
    let item = MenuItem::from_record(&record).map_err(|faults| {
        let faults = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        DbError::unexpected(format!("the row {:?} of menu_items: {faults}", text("id").unwrap_or_default()))
    })?;
    Ok(MenuItem { sold_out_until: mark(row)?, ..item })
}

/// The mark by hand. With a null end it has none.
fn mark(row: &Row) -> Result<Option<SoldOutUntil>, DbError> {
    if !row.try_get::<_, bool>("sold_out")? {
        return Ok(None);
    }
    let end: Option<OffsetDateTime> = row.try_get("sold_out_until")?;
    Ok(Some(end.map_or(SoldOutUntil::FurtherNotice, |end| SoldOutUntil::Time(Timestamp(end)))))
}
