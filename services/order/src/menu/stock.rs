//! How much is left: for guests who ask before they order, and for staff who count.

use std::collections::HashMap;

use db::inventory::{self, RestockOutcome, StockLevel};
use db::{Database, DbError};
use domain::inventory::StockLeft;
use domain::quote_request::CheckedItem;
use domain::stock_edit::StockEdit;
use domain::{MenuItemId, RequestId};
use logging::{Log, action};
use serde::Serialize;
use utoipa::ToSchema;

use super::board::Board;
use super::editing::EditError;

/// Counts what is left; cheap to clone.
#[derive(Clone)]
pub struct Stock {
    /// The database.
    pub db: Database,
    /// Knows what is on the menu.
    pub board: Board,
    /// Where changes are logged.
    pub log: Log,
}

/// Whether an item can be had in this quantity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Checked {
    /// The item, as it was asked for.
    pub item_id: String,
    /// Pieces that are wanted, summed over the request.
    pub requested: u32,
    /// Whether all of them can be had.
    pub available: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<CheckReason>,
    /// What is left, for staff; `None`: it is unlimited, or not for this reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub left: Option<u32>,
}

/// Why an item cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckReason {
    /// The menu has no such item.
    UnknownItem,
    /// It is taken off for now, or marked as sold out.
    Unavailable,
    /// Fewer are left.
    OutOfStock,
}

impl Stock {
    /// What is left of every limited item.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(&self, request_id: &RequestId) -> Result<Vec<StockLevel>, EditError> {
        inventory::list(&self.db).await.map_err(|why| self.failed(&why, request_id))
    }

    /// Whether items can be had at this moment, each item once. Only staff learn what is left.
    ///
    /// # Errors
    /// The database failed.
    pub async fn check(
        &self,
        items: &[CheckedItem],
        is_staff: bool,
        request_id: &RequestId,
    ) -> Result<Vec<Checked>, EditError> {
        let failed = |why: &DbError| self.failed(why, request_id);
        let mut wanted: Vec<(&str, u32)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for CheckedItem { item_id, quantity } in items {
            let place = *places.entry(item_id).or_insert(wanted.len());
            match wanted.get_mut(place) {
                Some((_, sum)) => *sum = sum.saturating_add(*quantity),
                None => wanted.push((item_id, *quantity)),
            }
        }
        let shown = self.board.at_hand().await.map_err(|why| failed(&why))?;
        let menu = &shown.snapshot.menu;
        let known: Vec<MenuItemId> =
            wanted.iter().filter_map(|(id, _)| Some(menu.by_id(id)?.id.clone())).collect();
        let stock = inventory::left_of(&self.db, &known).await.map_err(|why| failed(&why))?;
        let check = |(id, requested): (&str, u32)| {
            let item = menu.by_id(id);
            let left = item.and_then(|item| stock.get(&item.id)).copied();
            let reason = match item {
                None => Some(CheckReason::UnknownItem),
                Some(item) if !item.can_be_had(shown.now) => Some(CheckReason::Unavailable),
                Some(_) => {
                    let is_short = left.is_some_and(|left| left.get() < requested);
                    is_short.then_some(CheckReason::OutOfStock)
                }
            };
            let left = left.filter(|_| is_staff).map(StockLeft::get);
            Checked { item_id: id.to_owned(), requested, available: reason.is_none(), reason, left }
        };
        Ok(wanted.into_iter().map(check).collect())
    }

    /// Sets what is left of an item, or makes it unlimited.
    ///
    /// # Errors
    /// There is no such item, or the database failed.
    pub async fn set_left(
        &self,
        id: &MenuItemId,
        edit: StockEdit<Option<StockLeft>>,
        request_id: &RequestId,
    ) -> Result<StockLevel, EditError> {
        let StockEdit { change, changed_by } = edit;
        let set = inventory::set_left(&self.db, id, change, &changed_by).await;
        let level = set.map_err(|why| self.failed(&why, request_id))?.ok_or(EditError::UnknownItem)?;
        self.changed(&level, &changed_by, request_id);
        Ok(level)
    }

    /// Adds pieces to what is left.
    ///
    /// # Errors
    /// There is no such item, its stock is not counted, more would be left than can be counted, or
    /// the database failed.
    pub async fn restock(
        &self,
        id: &MenuItemId,
        edit: StockEdit<u32>,
        request_id: &RequestId,
    ) -> Result<StockLevel, EditError> {
        let StockEdit { change, changed_by } = edit;
        let restocked = inventory::restock(&self.db, id, change, &changed_by).await;
        match restocked.map_err(|why| self.failed(&why, request_id))? {
            RestockOutcome::Restocked(level) => {
                self.changed(&level, &changed_by, request_id);
                Ok(level)
            }
            RestockOutcome::Unlimited => Err(EditError::Unlimited),
            RestockOutcome::TooMuch(left) => Err(EditError::TooMuch { left: left.get() }),
            RestockOutcome::NotOnTheMenu => Err(EditError::UnknownItem),
        }
    }

    fn changed(&self, level: &StockLevel, changed_by: &str, request_id: &RequestId) {
        let left = level.left.map(StockLeft::get);
        let is = left.map_or("unlimited".to_owned(), |left| left.to_string());
        let log = self.log.with_request_id(request_id.clone());
        log.info(action::STOCK_CHANGED, format!("The stock of {} is {is}", level.item_id))
            .detail("item_id", level.item_id.as_str())
            .detail("left", serde_json::json!(left))
            .detail("changed_by", changed_by)
            .emit();
    }

    fn failed(&self, why: &DbError, request_id: &RequestId) -> EditError {
        let log = self.log.with_request_id(request_id.clone());
        log.error(action::DB_TRANSACTION_FAILED, "The stock could not be read or changed", why).emit();
        EditError::Failed
    }
}
