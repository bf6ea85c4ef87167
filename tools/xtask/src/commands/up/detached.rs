//! `up --detach`: the supervisor runs without the terminal.

use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use runtime::exit::failed;
use runtime::{Console, Exit};
use rustix::process::Signal;
use tokio::time::sleep;

use super::Arguments;
use crate::cluster::folder;
use crate::cluster::record::{Phase, Record};
use crate::cluster::signals::Signals;

const TICK: Duration = Duration::from_millis(100);

/// Starts the supervisor, shows its output until the cluster is up, and leaves it running. This
/// needs no deadline, because every step of the supervisor has one.
pub(super) async fn run(console: Console, arguments: &Arguments) -> Result<(), Exit> {
    let mut signals = Signals::listen().map_err(|why| failed(&why))?;
    let path = folder::SUPERVISOR_LOG;
    let cannot_write = |why: std::io::Error| Exit::Failed(format!("cannot write '{path}': {why}"));
    let output = File::create(path).map_err(cannot_write)?;
    let errors = output.try_clone().map_err(cannot_write)?;
    let mut said = File::open(path).map_err(cannot_write)?;
    let mut command = Command::new(std::env::current_exe().map_err(|why| failed(&why))?);
    command.args(["up", "--supervise", "--no-build"]).stdin(Stdio::null()).stdout(output).stderr(errors);
    command.args(arguments.observe.then_some("--observe"));
    command.args(arguments.like_production.then_some("--like-production"));
    if let Some(config) = &arguments.config {
        command.arg("--config").arg(config);
    }
    let mut supervisor = command.spawn().map_err(|why| failed(&why))?;

    loop {
        let is_open = Record::read(folder::RECORD)
            .is_some_and(|record| record.supervisor == supervisor.id() && record.phase == Phase::Open);
        let ended = supervisor.try_wait().map_err(|why| failed(&why))?;
        // Read the output after both checks, so that nothing printed before them is missed.
        if is_open {
            sleep(TICK).await;
        }
        repeat(console, &mut said);
        if let Some(status) = ended {
            return if status.success() { Ok(()) } else { Err(Exit::Logged) };
        }
        if is_open {
            console.print("It goes on in the background: 'cargo xtask logs --follow' listens to it, 'cargo xtask down' closes it.");
            return Ok(());
        }
        tokio::select! {
            () = sleep(TICK) => {}
            () = signals.first() => return interrupt(console, supervisor, &mut said).await,
        }
    }
}

/// Prints the supervisor's output since the last call.
fn repeat(console: Console, said: &mut File) {
    let mut text = String::new();
    if said.read_to_string(&mut text).is_ok() {
        for line in text.lines() {
            console.print(line);
        }
    }
}

async fn interrupt(console: Console, mut supervisor: Child, said: &mut File) -> Result<(), Exit> {
    // Fails if it has just ended.
    let _ = devcluster::signal(supervisor.id(), Signal::TERM);
    while supervisor.try_wait().is_ok_and(|status| status.is_none()) {
        repeat(console, said);
        sleep(TICK).await;
    }
    repeat(console, said);
    Err(Exit::Logged)
}
