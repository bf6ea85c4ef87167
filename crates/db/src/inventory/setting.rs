//! Stock that staff count, bring in, or stop counting.

use std::sync::LazyLock;

use domain::MenuItemId;
use domain::inventory::StockLeft;
use time::OffsetDateTime;
use tokio_postgres::Row;

use super::{StockLevel, left};
use crate::database::{BEGIN, Database, DbError, Decision, Reading};
use crate::named::NamedStatement;

/// Sets what is left of an item, or removes it. The stock is locked before it is written: only so
/// the movement has the difference to what concurrent orders left.
static SET: LazyLock<NamedStatement> = LazyLock::new(|| {
    NamedStatement::new(
        "with before as (
            select \"left\" from inventory_items where item_id = $item for update
        ), stored as (
            insert into inventory_items (item_id, \"left\", updated_at)
            select $item, $left::int, statement_timestamp() from (select count(*) from before) as locked
            where $left::int is not null
            on conflict (item_id) do update set \"left\" = excluded.\"left\", updated_at = excluded.updated_at
        ), removed as (
            delete from inventory_items using before where item_id = $item and $left::int is null
        ), moved as (
            insert into inventory_movements (created_at, item_id, delta, left_after, quantity, reason, changed_by)
            select statement_timestamp(), $item, coalesce($left::int, 0) - coalesce(before.\"left\", 0), $left::int,
                   coalesce($left::int, before.\"left\"), case when $left::int is null then 'unlimited' else 'set' end,
                   $changed_by
            from (select) as once left join before on true
            where $left::int is not null or before.\"left\" is not null
        )
        select statement_timestamp() as at",
    )
});

/// Sets what is left of an item; `None` makes it unlimited. Returns its stock as it is now, or
/// `None` if it is not on the menu.
///
/// # Errors
/// The database failed. The stock may be set. A second call sets it again, and leaves a second
/// movement.
pub async fn set_left(
    db: &Database,
    item: &MenuItemId,
    left: Option<StockLeft>,
    changed_by: &str,
) -> Result<Option<StockLevel>, DbError> {
    // Nobody else sets its stock meanwhile, or takes it off the menu.
    let on_the_menu = "select from menu_items where id = $1 for update";
    let reading = Reading { begin: BEGIN, sql: on_the_menu, parameters: &[&item.as_str()] };
    let pieces = left.map(|left| i32::try_from(left.get())).transpose().map_err(DbError::unexpected)?;
    let decide = |found: &[Row]| {
        let set =
            || SET.bind().with("item", item.as_str()).with("left", pieces).with("changed_by", changed_by);
        Ok(Decision { result: (), writing: (!found.is_empty()).then(set) })
    };
    let ((), rows) = db.read_then_write(reading, SET.sql(), decide).await?;
    let level = |row: &Row| Ok(StockLevel { item_id: item.clone(), left, updated_at: row.try_get("at")? });
    rows.first().map(level).transpose()
}

/// The result of a restock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestockOutcome {
    /// The pieces are added. This is the stock now.
    Restocked(StockLevel),
    /// The item is unlimited, and stays so.
    Unlimited,
    /// The sum would be more than [`StockLeft::MAX`]. Nothing has changed.
    TooMuch(StockLeft),
    /// There is no such item on the menu.
    NotOnTheMenu,
}

/// Adds pieces to what is left of an item.
///
/// # Errors
/// The database failed. They may be added. The movements tell.
pub async fn restock(
    db: &Database,
    item: &MenuItemId,
    quantity: u32,
    changed_by: &str,
) -> Result<RestockOutcome, DbError> {
    let sql = "
        with restocked as (
            update inventory_items set \"left\" = \"left\" + $2::bigint, updated_at = now()
            where item_id = $1 and \"left\" + $2::bigint <= $3::bigint
            returning \"left\", updated_at
        ), moved as (
            insert into inventory_movements (created_at, item_id, delta, left_after, quantity, reason, changed_by)
            select now(), $1, $2::bigint, \"left\", $2::bigint, 'restock', $4 from restocked
        )
        select restocked.\"left\", restocked.updated_at, stock.\"left\" as before
        from menu_items
        left join inventory_items as stock on item_id = id
        left join restocked on true
        where id = $1";
    let (quantity, max) = (i64::from(quantity), i64::from(StockLeft::MAX));
    let row = db.query_opt(sql, &[&item.as_str(), &quantity, &max, &changed_by]).await?;
    let Some(row) = row else { return Ok(RestockOutcome::NotOnTheMenu) };
    let [now, before] = [left(&row, "left")?, left(&row, "before")?];
    let at: Option<OffsetDateTime> = row.try_get("updated_at")?;
    Ok(match (now.zip(at), before) {
        (Some((left, updated_at)), _) => {
            RestockOutcome::Restocked(StockLevel { item_id: item.clone(), left: Some(left), updated_at })
        }
        (None, None) => RestockOutcome::Unlimited,
        (None, Some(before)) => RestockOutcome::TooMuch(before),
    })
}
