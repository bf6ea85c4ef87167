//! Edits of the menu: one item, or many in one transaction.
//!
//! The whole table is locked, so edits wait for each other, and nobody else: orders read the menu
//! without a lock, and the stock row by row.

use std::collections::HashSet;
use std::sync::LazyLock;

use domain::OrderType;
use domain::menu::{MenuItem, MenuItemId};
use tokio_postgres::Row;

use super::{marks, rows};
use crate::database::{Database, DbError, Decision, Reading};
use crate::edit::{Changes, Edit};
use crate::named::{NamedStatement, Parameters};

/// Adds items, changes those that are different, and removes others. The stock of these goes with
/// them, and a last movement says so. Names are compared at the end.
static WRITE: LazyLock<NamedStatement> = LazyLock::new(|| NamedStatement::new(include_str!("write.sql")));

const LOCKED: &str = "begin; lock table menu_items in share row exclusive mode";

/// Whether an edit failed because another item has the name.
pub fn is_name_taken(why: &DbError) -> bool {
    why.is_duplicate_of("menu_items_name_key")
}

/// Adds an item, or replaces that of its id.
///
/// # Errors
/// Another item [has the name](is_name_taken): nothing has changed. Or the database failed; then a
/// second call tells.
pub async fn put(db: &Database, item: &MenuItem) -> Result<Changes<MenuItemId>, DbError> {
    let nothing = Reading { begin: LOCKED, sql: "select id from menu_items where false", parameters: &[] };
    Ok(write(db, nothing, |_| false, std::slice::from_ref(item), "").await?.changes)
}

/// Adds these items or replaces those of their ids, in one transaction. All others stay.
///
/// # Errors
/// As [`put`].
pub async fn merge(db: &Database, items: &[MenuItem]) -> Result<Edit<MenuItem, MenuItemId>, DbError> {
    let all = Reading { begin: LOCKED, sql: rows::ALL, parameters: &[] };
    write(db, all, |_| false, items, "").await
}

/// Makes these items the whole menu, in one transaction. `changed_by` stands in the movements of
/// stock that goes with its item.
///
/// # Errors
/// As [`put`].
pub async fn replace(
    db: &Database,
    items: &[MenuItem],
    changed_by: &str,
) -> Result<Edit<MenuItem, MenuItemId>, DbError> {
    let kept: HashSet<&str> = items.iter().map(|item| item.id.as_str()).collect();
    let all = Reading { begin: LOCKED, sql: rows::ALL_LOCKED, parameters: &[] };
    write(db, all, |id| !kept.contains(id), items, changed_by).await
}

/// Removes an item. Returns whether it was on the menu.
///
/// # Errors
/// The database failed. It may be gone. A second call tells.
pub async fn delete(db: &Database, id: &MenuItemId, changed_by: &str) -> Result<bool, DbError> {
    let item = "select id from menu_items where id = $1 for update";
    let reading = Reading { begin: LOCKED, sql: item, parameters: &[&id.as_str()] };
    Ok(!write(db, reading, |_| true, &[], changed_by).await?.changes.is_empty())
}

/// Writes items, and removes some of those that are read.
async fn write(
    db: &Database,
    reading: Reading<'_>,
    is_removed: impl Fn(&str) -> bool,
    items: &[MenuItem],
    changed_by: &str,
) -> Result<Edit<MenuItem, MenuItemId>, DbError> {
    let decide = |rows: &[Row]| {
        let ids = rows.iter().map(|row| row.try_get("id")).collect::<Result<Vec<String>, _>>()?;
        let removed = ids.into_iter().filter(|id| is_removed(id)).collect();
        let before = rows.iter().filter_map(|row| rows::item(row).ok()).collect();
        Ok(Decision { result: before, writing: Some(parameters(items, removed, changed_by)) })
    };
    let (before, rows) = db.read_then_write(reading, WRITE.sql(), decide).await?;
    Ok(Edit { before, changes: Changes::of(&rows)? })
}

fn parameters<'a>(items: &'a [MenuItem], removed: Vec<String>, changed_by: &'a str) -> Parameters<'a> {
    let order_types = |item: &MenuItem| {
        let names: Vec<_> = item.order_types.iter().map(OrderType::as_str).collect();
        names.join(",")
    };
    WRITE
        .bind()
        .with("removed", removed)
        .with("changed_by", changed_by)
        .with("ids", column(items, |item| item.id.as_str()))
        .with("names", column(items, |item| item.name.as_str()))
        .with("descriptions", column(items, |item| item.description.as_str()))
        .with("categories", column(items, |item| item.category.as_str()))
        .with("prices", column(items, |item| item.price.to_string()))
        .with("order_types", column(items, order_types))
        .with("positions", column(items, |item| i32::from(item.position)))
        .with("availables", column(items, |item| item.available))
        .with("sold_outs", column(items, |item| item.sold_out_until.is_some()))
        .with("ends", column(items, |item| marks::end(item.sold_out_until)))
}

/// One value of each item: an array parameter.
fn column<'a, V>(items: &'a [MenuItem], value: impl Fn(&'a MenuItem) -> V) -> Vec<V> {
    items.iter().map(value).collect()
}
