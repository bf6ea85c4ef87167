//! `migrate`: brings the database's schema up to date.

mod roles;

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use config::Config;
use db::roles::Surplus;
use db::schema::{self, SchemaError};
use db::{Access, Database};
use runtime::exit::failed;
use runtime::retry::{Policy, retry};
use runtime::{Console, Exit, FailedAttempt, Shutdown, with_causes};

use crate::NAME;

/// Creates the tables, or brings them up to date; with --roles, also a database role for each
/// service, for the staff lists, and for the exporter. Services that write do the same when they
/// start; this is for those who want it done before, or by another user.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "migrate")]
pub struct Arguments {
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// longest time to wait for the database, in seconds (default 30)
    #[argh(option, default = "30")]
    wait: u64,
    /// also make a role for each service (`<database>_order`, `_kitchen`, `_tracking`), for the
    /// staff lists (`_tracking_staff`) and for the exporter (`_exporter`) with the rights it needs
    /// and no others; passwords from `ORDER_DB_PASSWORD`, `KITCHEN_DB_PASSWORD`,
    /// `TRACKING_DB_PASSWORD`, `TRACKING_STAFF_DB_PASSWORD`, `EXPORTER_DB_PASSWORD`, or the files
    /// that the same names with `_FILE` hold, else made up for new roles and printed. With
    /// `PRUNER_DB_PASSWORD` also a role for `prune` (`_pruner`)
    #[argh(switch)]
    roles: bool,
    /// with --roles: leave roles that are there the rights that only the version before needs,
    /// until its services are replaced; a later --roles without it takes them
    #[argh(switch)]
    keep: bool,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    if arguments.keep && !arguments.roles {
        return Err(Exit::Usage("migrate: --keep is about roles: add --roles, or leave it out".to_owned()));
    }
    let config = Config::load(arguments.config).map_err(|why| Exit::Config(why.to_string()))?;
    let db = Database::new(&config.database, NAME, Access::ReadWrite).map_err(|why| failed(&why))?;
    let policy = Policy::for_server().within(Duration::from_secs(arguments.wait));
    let report = |why: &SchemaError, failed: FailedAttempt| {
        if failed.retry_in.is_some() {
            eprintln!("{}; trying again", with_causes(why));
        }
    };
    // A signal ends the process, not the wait.
    let never = Shutdown::new();
    let applied = retry(policy, &never, || schema::migrate(&db), SchemaError::is_transient, report).await;
    let applied = applied.map_err(|why| unmigrated(&why, arguments.roles))?;
    let news = if applied.is_empty() {
        format!("The schema is up to date (version {}).", schema::known_version())
    } else {
        let versions = applied.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        format!("The schema is up to date now (applied: {versions}).")
    };
    if !arguments.roles {
        Console::new().print(&news);
        return Ok(());
    }
    // The further output is for a shell.
    Console::new().print(&format!("# {news}"));
    let surplus = if arguments.keep { Surplus::Kept } else { Surplus::Revoked };
    roles::ensure(&db, &config.database, surplus).await
}

fn unmigrated(why: &SchemaError, with_roles: bool) -> Exit {
    let advice = match (why.is_missing_right(), with_roles) {
        (false, _) => "",
        (true, false) => {
            ". Run it as the owner of the tables (DB_USER); in a new database, as its owner, or: grant create on schema public to the user"
        }
        (true, true) => {
            ". Run it as a superuser (DB_USER), or as the owner of the database and its schema with CREATEROLE"
        }
    };
    Exit::Failed(format!("{}{advice}", with_causes(why)))
}
