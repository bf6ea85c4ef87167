//! `down`: stops the cluster.

use std::time::{Duration, Instant};

use argh::FromArgs;
use runtime::{Console, Exit};
use rustix::process::Signal;
use tokio::time::sleep;

use crate::cluster::folder;
use crate::cluster::lock::SupervisorLock;
use crate::cluster::record::Record;
use crate::view::summary;

const POLL: Duration = Duration::from_millis(50);
/// Delay before a progress line is printed.
const NOTICE_DELAY: Duration = Duration::from_secs(2);
/// Longer than all steps of stopping together.
const LIMIT: Duration = Duration::from_mins(3);

/// Closes the restaurant that `up` opened: services finish what they do, then the servers end.
#[derive(FromArgs, Debug)]
pub struct Arguments {
    /// end everything at once
    #[argh(switch)]
    pub now: bool,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let console = Console::new();
    let Some(supervisor) = SupervisorLock::holder(folder::LOCK) else {
        console.note("nothing to close: no restaurant is open here");
        return Ok(());
    };
    close(console, supervisor, arguments.now).await
}

/// Asks the supervisor to stop, and waits for its end. Repeating the request has no effect, unless
/// with `now`.
pub async fn close(console: Console, supervisor: u32, now: bool) -> Result<(), Exit> {
    let start = Instant::now();
    ask(supervisor, if now { Signal::QUIT } else { Signal::TERM })?;
    let mut told = false;
    let mut others_told = false;
    while SupervisorLock::holder(folder::LOCK) == Some(supervisor) {
        if start.elapsed() > LIMIT {
            return Err(Exit::Failed(format!(
                "process {supervisor} has not ended within {} s. End it with 'kill -9 {supervisor}': everything it started ends with it",
                LIMIT.as_secs()
            )));
        }
        if start.elapsed() > NOTICE_DELAY && !std::mem::replace(&mut told, true) {
            console.note(
                "closing: the kitchen finishes what is being cooked ('cargo xtask down --now' does not wait)",
            );
        }
        let record = Record::read(folder::RECORD).filter(|record| record.supervisor == supervisor);
        if let Some(record) = record.filter(|record| !others_told && !record.others.is_empty()) {
            others_told = true;
            console.warn(&summary::of_others(&record.others));
        }
        sleep(POLL).await;
    }
    console.done(&format!("the restaurant is closed ({:.1} s)", start.elapsed().as_secs_f32()));
    Ok(())
}

fn ask(supervisor: u32, signal: Signal) -> Result<(), Exit> {
    devcluster::signal(supervisor, signal).map_err(|why| {
        Exit::Failed(format!("cannot end process {supervisor}: {why}. Does it belong to another user?"))
    })
}
