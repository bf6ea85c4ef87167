//! What staff change about the menu.

use db::{DbError, menu};
use domain::menu::{MenuItem, SoldOutUntil};
use domain::stock_edit::{MarkEnd, STAFF};
use domain::timestamp::Timestamp;
use domain::{MenuItemId, RequestId};
use logging::{Log, action};

use super::board::Board;
use db::Database;

/// Why the menu was not changed. Where a server failed, the log says more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such item.
    #[error("there is no such item on the menu")]
    UnknownItem,
    /// Another item has the name.
    #[error("another item has this name")]
    NameTaken,
    /// The item's stock is not counted.
    #[error("the item is unlimited")]
    Unlimited,
    /// More would be left than can be counted.
    #[error("more would be left than can be counted")]
    TooMuch {
        /// What is left now.
        left: u32,
    },
    /// The end of the mark is past.
    #[error("an item cannot be sold out until a moment that is past")]
    MarkIsOver {
        /// The database's time.
        now: Timestamp,
    },
    /// It is not known whether something was changed.
    #[error("the menu could not be changed")]
    Failed,
}

/// Edits the menu; cheap to clone.
#[derive(Clone)]
pub struct Editing {
    /// The database.
    pub db: Database,
    /// Sees each edit at once.
    pub board: Board,
    /// Where edits are logged.
    pub log: Log,
}

impl Editing {
    /// Adds an item, or replaces that of its id.
    ///
    /// # Errors
    /// Another item has the name, or the database failed.
    pub async fn put(&self, item: MenuItem, request_id: &RequestId) -> Result<MenuItem, EditError> {
        menu::put(&self.db, &item).await.map_err(|why| self.failed(&why, request_id))?;
        self.edited(&item.id, "put", request_id).await;
        Ok(item)
    }

    /// Takes an item off the menu. Orders keep what they have of it.
    ///
    /// # Errors
    /// There is no such item, or the database failed.
    pub async fn delete(&self, id: &MenuItemId, request_id: &RequestId) -> Result<(), EditError> {
        let was_there = menu::delete(&self.db, id, STAFF).await;
        if !was_there.map_err(|why| self.failed(&why, request_id))? {
            return Err(EditError::UnknownItem);
        }
        self.edited(id, "deleted", request_id).await;
        Ok(())
    }

    /// Marks an item as sold out.
    ///
    /// # Errors
    /// There is no such item, the mark would be over already, or the database failed.
    pub async fn mark_sold_out(
        &self,
        id: &MenuItemId,
        end: MarkEnd,
        request_id: &RequestId,
    ) -> Result<MenuItem, EditError> {
        let failed = |why: &DbError| self.failed(why, request_id);
        let now = self.board.refreshed().await.map_err(|why| failed(&why))?.now;
        let until = match end {
            MarkEnd::Until(until) => until,
            MarkEnd::EndOfDay => SoldOutUntil::Time(Timestamp(self.board.time_zone().end_of_day(now))),
        };
        if !until.is_in_future_of(now) {
            return Err(EditError::MarkIsOver { now: now.into() });
        }
        let marked = menu::mark_sold_out(&self.db, id, until).await.map_err(|why| failed(&why))?;
        let item = marked.ok_or(EditError::UnknownItem)?;
        self.edited(id, "sold out", request_id).await;
        Ok(item)
    }

    /// Takes the mark off an item.
    ///
    /// # Errors
    /// There is no such item, or the database failed.
    pub async fn bring_back(&self, id: &MenuItemId, request_id: &RequestId) -> Result<MenuItem, EditError> {
        let back = menu::bring_back(&self.db, id).await.map_err(|why| self.failed(&why, request_id))?;
        let item = back.ok_or(EditError::UnknownItem)?;
        self.edited(id, "back", request_id).await;
        Ok(item)
    }

    /// This process sees the edit at once; the others look for it.
    async fn edited(&self, id: &MenuItemId, edit: &'static str, request_id: &RequestId) {
        let log = self.log.with_request_id(request_id.clone());
        let message = format!("The staff edited {id} on the menu");
        log.info(action::MENU_EDITED, message).detail("item_id", id.as_str()).detail("edit", edit).emit();
        if let Err(why) = self.board.refreshed().await {
            log.error(action::MENU_REFRESH_FAILED, "The edited menu could not be read", &why).emit();
        }
    }

    fn failed(&self, why: &DbError, request_id: &RequestId) -> EditError {
        if menu::is_name_taken(why) {
            return EditError::NameTaken;
        }
        let log = self.log.with_request_id(request_id.clone());
        log.error(action::DB_TRANSACTION_FAILED, "The menu could not be changed", why).emit();
        EditError::Failed
    }
}
