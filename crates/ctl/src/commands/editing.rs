//! What the menu and the price rules have in common as files: export, import, comparison.

mod connection;
mod diff;
mod export;
mod file;
mod import;
mod report;

use std::fmt;

use db::edit::Edit;
use db::{Database, DbError};
use domain::pricing::RuleSetError;
use menu_files::Entry;

pub use self::connection::open_as;
pub use self::diff::{Arguments as Diff, run as diff};
pub use self::export::{Arguments as Export, run as export};
pub use self::import::{Import, run as import};

/// A kind of entries that the database holds, and files can hold.
pub trait Stored: Entry {
    /// What identifies an entry.
    type Id: fmt::Display;

    /// What all of them are, in messages.
    const WHOLE: &'static str;

    /// What of these entries has no effect, since the menu lacks what they name.
    ///
    /// # Errors
    /// The menu cannot be read.
    async fn without_effect(_db: &Database, _entries: &[Self]) -> Result<Vec<String>, DbError> {
        Ok(Vec::new())
    }

    /// Reads all of them, in the order in which they are used.
    ///
    /// # Errors
    /// The database failed, or somebody wrote one by hand that breaks a rule.
    async fn read(db: &Database) -> Result<Vec<Self>, DbError>;

    /// Adds these, or replaces those of their ids, in one transaction.
    ///
    /// # Errors
    /// Nothing was changed, unless the error is in doubt.
    async fn merge(db: &Database, entries: Vec<Self>) -> Result<Edit<Self, Self::Id>, EditError>;

    /// Makes these the only ones, in one transaction.
    ///
    /// # Errors
    /// Nothing was changed, unless the error is in doubt.
    async fn replace(
        db: &Database,
        entries: Vec<Self>,
        changed_by: &str,
    ) -> Result<Edit<Self, Self::Id>, EditError>;
}

/// Why entries were not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// Another entry has what only one may have.
    #[error("another one has the same name")]
    NameTaken,
    /// The rules are not a set.
    #[error(transparent)]
    Rules(#[from] RuleSetError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}
