//! Items that staff mark as sold out, and bring back.

use domain::menu::{MenuItem, MenuItemId, SoldOutUntil};
use domain::timestamp::Timestamp;
use time::OffsetDateTime;

use super::rows::item;
use crate::database::{Database, DbError};

/// Marks an item as sold out. Returns it as it is now, or `None` if it is not on the menu. Its
/// stock stays as it is.
///
/// # Errors
/// The database failed. It may be marked. A second call tells.
pub async fn mark_sold_out(
    db: &Database,
    id: &MenuItemId,
    until: SoldOutUntil,
) -> Result<Option<MenuItem>, DbError> {
    set_mark(db, id, Some(until)).await
}

/// Takes the mark off an item. Returns it as it is now, or `None` if it is not on the menu. An item
/// whose stock is used up stays sold out.
///
/// # Errors
/// The database failed. The mark may be off. A second call tells.
pub async fn bring_back(db: &Database, id: &MenuItemId) -> Result<Option<MenuItem>, DbError> {
    set_mark(db, id, None).await
}

async fn set_mark(
    db: &Database,
    id: &MenuItemId,
    mark: Option<SoldOutUntil>,
) -> Result<Option<MenuItem>, DbError> {
    let sql = "
        update menu_items set sold_out = $2, sold_out_until = $3, updated_at = now() where id = $1
        returning id, name, description, category, price::text, order_types, position::text, available::text, sold_out,
                  sold_out_until";
    let row = db.query_opt(sql, &[&id.as_str(), &mark.is_some(), &end(mark)]).await?;
    row.as_ref().map(item).transpose()
}

/// The end of a mark, if it has one.
pub(super) fn end(mark: Option<SoldOutUntil>) -> Option<OffsetDateTime> {
    match mark {
        Some(SoldOutUntil::Time(Timestamp(end))) => Some(end),
        Some(SoldOutUntil::FurtherNotice) | None => None,
    }
}
