//! `migrate`: brings the database's schema up to date.

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use db::{Database, schema};
use runtime::{Backoff, Config, Exit, with_causes};
use tokio::time::{Instant, sleep};

use crate::NAME;
use crate::commands::failed;

/// Creates the tables, or brings them up to date. Services that write do the same when they start; this is for those who
/// want it done before, or by another user.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "migrate")]
pub struct Arguments {
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// longest time to wait for the database, in seconds (default 30)
    #[argh(option, default = "30")]
    wait: u64,
}

/// Runs it.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let config = Config::load(arguments.config).map_err(|why| Exit::Config(format!("{NAME}: {why}")))?;
    let db = Database::new(&config.database, NAME).map_err(|why| failed(&why))?;
    let deadline = Instant::now() + Duration::from_secs(arguments.wait);
    let mut backoff = Backoff::for_server();
    loop {
        match schema::migrate(&db).await {
            Ok(applied) if applied.is_empty() => {
                println!("The schema is up to date (version {}).", schema::known_version());
                return Ok(());
            }
            Ok(applied) => {
                let versions = applied.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                println!("The schema is up to date now (applied: {versions}).");
                return Ok(());
            }
            Err(why) if why.is_passing() && Instant::now() < deadline => {
                eprintln!("{}; trying again", with_causes(&why));
                sleep(backoff.next_pause()).await;
            }
            Err(why) => return Err(failed(&why)),
        }
    }
}
