//! What an edit of the menu or of the price rules did.

use std::str::FromStr;

use tokio_postgres::Row;

use crate::error::DbError;

/// An edit of many entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit<T, Id> {
    /// All entries as they were when the edit locked them. A row by hand that breaks a rule is left
    /// out: an edit may replace it.
    pub before: Vec<T>,
    /// What the edit changed.
    pub changes: Changes<Id>,
}

/// What an edit changed, sorted by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes<Id> {
    /// Entries that are new.
    pub added: Vec<Id>,
    /// Entries that are not as they were.
    pub changed: Vec<Id>,
    /// Entries that are gone.
    pub removed: Vec<Id>,
}

impl<Id> Changes<Id> {
    /// Whether everything was so already.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

impl<Id: FromStr<Err: std::error::Error + Send + Sync + 'static>> Changes<Id> {
    /// Reads rows `(id, change)`, in any order.
    pub(crate) fn of(rows: &[Row]) -> Result<Self, DbError> {
        let ids = |wanted: &str| {
            let mut ids = Vec::new();
            for row in rows {
                if row.try_get::<_, &str>(1)? == wanted {
                    ids.push(row.try_get::<_, &str>(0)?);
                }
            }
            ids.sort_unstable();
            ids.into_iter().map(str::parse).collect::<Result<Vec<Id>, _>>().map_err(DbError::unexpected)
        };
        Ok(Self { added: ids("added")?, changed: ids("changed")?, removed: ids("removed")? })
    }
}
