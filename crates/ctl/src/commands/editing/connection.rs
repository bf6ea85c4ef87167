//! The database that is edited, and what to do when it fails.

use std::path::PathBuf;

use config::Config;
use db::schema::{self, SchemaError, SchemaState};
use db::{Access, Database, DbError};
use runtime::exit::failed;
use runtime::{Exit, with_causes};

use crate::NAME;

/// Who may edit the menu and the price rules.
const EDITORS: &str =
    "run it as the owner of the tables, or as the user of the order service (database.user, DB_USER)";

/// Opens the database for editing. Its tables must be those of this version.
///
/// # Errors
/// The configuration, the server, or the version of the tables.
pub async fn open(config: Option<PathBuf>, access: Access) -> Result<Database, Exit> {
    open_as(EDITORS, config, access).await
}

/// The same for a command of others: `who_may` advises a user who lacks a right.
///
/// # Errors
/// Those of [`open`].
pub async fn open_as(
    who_may: &'static str,
    config: Option<PathBuf>,
    access: Access,
) -> Result<Database, Exit> {
    let config = Config::load(config).map_err(|why| Exit::Config(why.to_string()))?;
    let db = Database::new(&config.database, NAME, access).map_err(|why| failed(&why))?;
    let unusable = |why: SchemaError| Err(failed(&why));
    let unread = |why: DbError| {
        let advice = advice(&why, who_may);
        Exit::Failed(format!("the database could not be read: {}; {advice}", with_causes(&why)))
    };
    match schema::state(&db).await.map_err(unread)? {
        SchemaState::Current => Ok(db),
        SchemaState::Behind => Err(Exit::Failed(
            "the tables are missing, or older than this version: run 'restaurant-ctl migrate' as their owner, then try again"
                .to_owned(),
        )),
        SchemaState::Ahead { found, known } => unusable(SchemaError::Ahead { found, known }),
        SchemaState::OutOfSight { schemas } => unusable(SchemaError::OutOfSight { schemas }),
    }
}

/// Why something was not read, and what to do.
pub fn unread(what: &str, why: &DbError) -> Exit {
    let advice = match why {
        DbError::UnexpectedValue(_) => "correct that row, or replace it with an import that has its id",
        _ => advice(why, EDITORS),
    };
    Exit::Failed(format!("{what} could not be read: {}; {advice}", with_causes(why)))
}

/// Why something was not changed, and what to do.
pub fn unchanged(what: &str, why: &DbError) -> Exit {
    let why_not = with_causes(why);
    Exit::Failed(if why.is_in_doubt() {
        format!("{what} may have changed: {why_not}; 'diff' with the same file tells")
    } else {
        format!("{what} did not change: {why_not}; {}", advice(why, EDITORS))
    })
}

fn advice(why: &DbError, who_may: &'static str) -> &'static str {
    if why.is_missing_right() {
        return who_may;
    }
    if why.is_statement_timeout() {
        return "another edit may take long: try again when it has ended";
    }
    why.advice().unwrap_or("'restaurant-ctl doctor' looks for the reason")
}
