//! `migrate`: brings the database's schema up to date.

mod roles;

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use config::Config;
use db::{Access, Database, schema};
use runtime::exit::failed;
use runtime::{Backoff, Console, Exit, with_causes};
use tokio::time::{Instant, sleep};

use crate::NAME;

/// Creates the tables, or brings them up to date; with --roles, also a database role for each
/// service. Services that write do the same when they start; this is for those who want it done
/// before, or by another user.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "migrate")]
pub struct Arguments {
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// longest time to wait for the database, in seconds (default 30)
    #[argh(option, default = "30")]
    wait: u64,
    /// also make a role for each service (`<database>_order`, `_kitchen`, `_tracking`) with the
    /// rights it needs and no others; passwords from `ORDER_DB_PASSWORD`, `KITCHEN_DB_PASSWORD`,
    /// `TRACKING_DB_PASSWORD`, or the files that the same names with `_FILE` hold, else made up for
    /// new roles and printed
    #[argh(switch)]
    roles: bool,
}

/// Runs it.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let config = Config::load(arguments.config).map_err(|why| Exit::Config(format!("{NAME}: {why}")))?;
    let db = Database::new(&config.database, NAME, Access::ReadWrite).map_err(|why| failed(&why))?;
    let deadline = Instant::now() + Duration::from_secs(arguments.wait);
    let mut backoff = Backoff::for_server();
    let applied = loop {
        match schema::migrate(&db).await {
            Ok(applied) => break applied,
            Err(why) if why.is_passing() && Instant::now() < deadline => {
                eprintln!("{}; trying again", with_causes(&why));
                sleep(backoff.next_pause()).await;
            }
            Err(why) => return Err(failed(&why)),
        }
    };
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
    // What is printed then is for a shell.
    Console::new().print(&format!("# {news}"));
    roles::ensure(&db, &config.database).await
}
