//! `up`: starts the cluster and supervises it.

mod build;
mod detached;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use argh::FromArgs;
use config::Config;
use runtime::exit::failed;
use runtime::{Console, Exit};
use tokio::time::sleep;

use crate::cluster::folder;
use crate::cluster::lock::SupervisorLock;
use crate::cluster::record::{Phase, Record};
use crate::cluster::signals::Signals;
use crate::cluster::state::State;
use crate::cluster::supervisor::{Options, Supervisor};
use crate::program;

const POLL: Duration = Duration::from_millis(100);

/// Starts PostgreSQL, RabbitMQ and every service on this machine, with a menu, and shows what
/// happens; Ctrl-C ends all of it.
#[derive(FromArgs, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Arguments {
    /// return once everything is ready, and leave it running
    #[argh(switch)]
    pub detach: bool,
    /// also start the exporter and a Prometheus, with the alerts of deploy/observability
    #[argh(switch)]
    pub observe: bool,
    /// run what deploy/docker/compose.yaml says: private servers with TLS, a user and secrets for
    /// each service, the exporter, and limits by cgroups; it needs openssl
    #[argh(switch)]
    pub like_production: bool,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    pub config: Option<PathBuf>,
    /// internal: the process of --detach that stays
    #[argh(switch, hidden_help)]
    pub supervise: bool,
    /// internal: the programs are built already
    #[argh(switch, hidden_help)]
    pub no_build: bool,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let console = Console::new();
    let config = Config::load(arguments.config.clone()).map_err(|why| Exit::Config(why.to_string()))?;
    if is_open(console, &arguments).await {
        return Ok(());
    }
    if !arguments.no_build {
        build::run(console).await?;
    }
    let programs = programs()?;
    folder::prepare().map_err(|why| failed(&why))?;
    // Another one may have opened it during the build.
    if is_open(console, &arguments).await {
        return Ok(());
    }
    if arguments.detach {
        return detached::run(console, &arguments).await;
    }
    if arguments.supervise {
        // Detaches from the terminal. Fails only without one.
        let _ = rustix::process::setsid();
    }
    let _lock = loop {
        let lock = SupervisorLock::take(folder::LOCK)
            .map_err(|why| Exit::Failed(format!("cannot write '{}': {why}", folder::LOCK)))?;
        match lock {
            Some(lock) => break lock,
            None if is_open(console, &arguments).await => return Ok(()),
            None => {}
        }
    };

    let start = Instant::now();
    let mut signals = Signals::listen().map_err(|why| failed(&why))?;
    let Arguments { supervise, observe, like_production, .. } = arguments;
    let options = Options { shows_logs: !supervise, observe, like_production };
    let mut supervisor = Supervisor::new(console, options).map_err(|why| failed(&why))?;
    console.note("opening the restaurant");
    let opened = tokio::select! {
        opened = supervisor.open(&config, arguments.config.clone(), programs) => {
            opened.map_err(|why| failed(&why))
        }
        () = signals.first() => Err(Exit::Failed("interrupted while opening".to_owned())),
        () = console.until_unseen() => Err(Exit::Logged),
    };
    if opened.is_ok() {
        supervisor.show_summary(start.elapsed()).await;
        supervisor.supervise(&mut signals).await;
        console.note("closing the restaurant");
    }
    supervisor.close(&config, &mut signals).await;
    opened
}

/// The folder of these programs, which is also this program's, if all of them exist.
fn programs() -> Result<PathBuf, Exit> {
    let folder = program::folder()?;
    let missing: Vec<&str> =
        program::of_the_system().filter(|program| !folder.join(program).is_file()).collect();
    if missing.is_empty() {
        return Ok(folder);
    }
    let (missing, folder) = (missing.join(", "), folder.display());
    Err(Exit::Failed(format!("{missing} not found in '{folder}'. Build them with 'cargo xtask build'")))
}

/// Whether another supervisor has started the cluster; if so, reports it. Waits while it is being
/// started or stopped: each step of that has a deadline.
async fn is_open(console: Console, wanted: &Arguments) -> bool {
    let mut reported = None;
    loop {
        let State::Present { supervisor, phase, record } = State::now() else { return false };
        let doing = match phase {
            Phase::Open => {
                say_it_runs(console, supervisor, record.as_ref(), wanted);
                return true;
            }
            Phase::Opening => "opened",
            Phase::Closing => "closed",
        };
        if reported.replace(phase) != Some(phase) {
            console
                .note(&format!("the restaurant is being {doing} (process {supervisor}); waiting for that"));
        }
        sleep(POLL).await;
    }
}

fn say_it_runs(console: Console, supervisor: u32, record: Option<&Record>, wanted: &Arguments) {
    let place = record.map(|record| format!("; it takes orders on {}", record.order_url)).unwrap_or_default();
    console.done(&format!("the restaurant is open already (process {supervisor}){place}"));
    if let Some(url) = record.and_then(|record| record.prometheus_url.as_ref()) {
        console.print(&format!("  Prometheus watches it on {url}"));
    }
    for warning in record.into_iter().flat_map(|record| missing(record, wanted)) {
        console.warn(&warning);
    }
    console.print(
        "  'cargo xtask status' shows it, 'cargo xtask logs --follow' listens to it, 'cargo xtask down' closes it",
    );
}

/// What was asked for, and what the open one is not.
fn missing(record: &Record, wanted: &Arguments) -> Vec<String> {
    let observe =
        (wanted.observe && record.prometheus_url.is_none()).then_some(("nothing watches it", "--observe"));
    let like_production = (wanted.like_production && !record.like_production)
        .then_some(("it is not like production", "--like-production"));
    let both = observe.into_iter().chain(like_production);
    both.map(|(what, option)| {
        format!("{what}: close it with 'cargo xtask down', and open it again with '{option}'")
    })
    .collect()
}
