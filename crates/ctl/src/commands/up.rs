//! `up`: opens the restaurant and stays with it.

mod detached;

use std::path::{Path, PathBuf};
use std::time::Instant;

use argh::{ArgsInfo, FromArgs};
use runtime::{Config, Exit};

use crate::cluster::folder::LocalFolder;
use crate::cluster::lock::SupervisorLock;
use crate::cluster::record::Record;
use crate::cluster::signals::Signals;
use crate::cluster::supervisor::Supervisor;
use crate::commands::failed;
use crate::view::console::Console;
use crate::view::summary;

/// Programs that `up` starts; they lie beside this one.
const PROGRAMS: [&str; 4] =
    ["order-service", "kitchen-worker", "tracking-service", "notification-subscriber"];

/// Starts PostgreSQL, RabbitMQ and every service on this machine and shows what happens; Ctrl-C ends all of it.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "up")]
pub struct Arguments {
    /// return once everything is ready, and leave it running
    #[argh(switch)]
    pub detach: bool,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    pub config: Option<PathBuf>,
    /// internal: the part of --detach that stays
    #[argh(switch, hidden_help)]
    pub supervise: bool,
}

/// Runs it.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let (console, folder) = (Console::new(), LocalFolder::here());
    let config = Config::load(arguments.config.clone()).map_err(|why| Exit::Config(why.to_string()))?;
    let programs = programs()?;
    folder.prepare().map_err(|why| failed(&why))?;
    if let Some(holder) = SupervisorLock::holder(&folder.lock()) {
        say_it_runs(console, &folder, holder);
        return Ok(());
    }
    if arguments.detach {
        return detached::run(console, &folder, arguments.config.as_deref()).await;
    }
    if arguments.supervise {
        // Leaves the terminal. Fails only if we have none.
        let _ = rustix::process::setsid();
    }
    let lock = SupervisorLock::take(&folder.lock())
        .map_err(|why| Exit::Failed(format!("cannot write '{}': {why}", folder.lock().display())))?;
    let Some(_lock) = lock else {
        say_it_runs(console, &folder, SupervisorLock::holder(&folder.lock()).unwrap_or_default());
        return Ok(());
    };

    let start = Instant::now();
    let mut signals = Signals::listen().map_err(|why| failed(&why))?;
    let mut supervisor =
        Supervisor::new(folder, console, !arguments.supervise).map_err(|why| failed(&why))?;
    console.note("opening the restaurant");
    let opened = tokio::select! {
        opened = supervisor.open(&config, arguments.config.clone(), programs) => opened.map_err(|why| failed(&why)),
        () = signals.first() => Err(Exit::Failed("interrupted while opening".to_owned())),
    };
    if opened.is_ok() {
        supervisor.show_summary(start.elapsed());
        supervisor.supervise(&mut signals).await;
        console.note("closing the restaurant");
    }
    supervisor.close(&config, &mut signals).await;
    opened
}

impl Supervisor {
    fn show_summary(&mut self, took: std::time::Duration) {
        let record = self.record();
        if let (Some(record), Some(broker)) = (record, self.broker()) {
            summary::show(self.console(), &record, broker, took);
        }
    }
}

/// The folder of this program, if all the others are there too.
fn programs() -> Result<PathBuf, Exit> {
    let own = std::env::current_exe().map_err(|why| failed(&why))?;
    let folder = own.parent().unwrap_or(Path::new(".")).to_owned();
    let missing: Vec<&str> = PROGRAMS.into_iter().filter(|program| !folder.join(program).is_file()).collect();
    if missing.is_empty() {
        return Ok(folder);
    }
    let (missing, folder) = (missing.join(", "), folder.display());
    Err(Exit::Failed(format!(
        "{missing} not found in '{folder}'. Build them with './justw build', or use './justw up'"
    )))
}

fn say_it_runs(console: Console, folder: &LocalFolder, holder: u32) {
    let place = Record::read(&folder.record())
        .map(|record| format!("; it takes orders on {}", record.order_url))
        .unwrap_or_default();
    console.done(&format!("the restaurant is open already (process {holder}){place}"));
    console.print(
        "  './justw status' shows it, './justw logs --follow' listens to it, './justw down' closes it",
    );
}
