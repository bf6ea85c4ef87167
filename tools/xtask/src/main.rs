//! The tasks of the project, called as `cargo xtask TASK`. Without a task it lists them.

mod cluster;
mod commands;
mod program;
mod task;
mod view;

use std::ffi::OsString;
use std::process::ExitCode;

use argh::FromArgs;
use devcluster::project;
use runtime::exit::failed;
use runtime::signals::StopSignals;
use runtime::{Exit, arguments, console};

use crate::commands::{
    bench, build, checks, config_docs, ctl, demo, deny, down, faults, fuzz, load, logs, reset, run, status,
    up,
};
use crate::task::Task;

const NAME: &str = "cargo xtask";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match console::all_written(perform().await) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

async fn perform() -> Result<(), Exit> {
    let mut words = std::env::args_os().skip(1);
    let task = match words.next() {
        Some(name) => Task::named(&name.to_string_lossy())?,
        None => return Err(Exit::Output(task::list())),
    };
    let words: Vec<OsString> = words.collect();
    go_to_the_root().map_err(|why| failed(&why))?;
    if task == Task::Up {
        // `up` has its own signal handlers, which stop the cluster gracefully.
        return up::run(read(task, words)?).await;
    }
    let signals = StopSignals::handle(None).map_err(|why| failed(&why))?;
    match task {
        Task::Up => up::run(read(task, words)?).await,
        Task::Down => down::run(read(task, words)?).await,
        Task::Status => status::run(&read(task, words)?),
        Task::Logs => logs::run(&read(task, words)?).await,
        Task::Reset => reset::run(&read(task, words)?).await,
        Task::Demo => demo::run(&read(task, words)?, &signals).await,
        Task::Run => run::run(&words),
        Task::Audit | Task::Doctor => ctl::run(Some(task.name()), &words),
        Task::Ctl => ctl::run(None, &words),
        Task::Load => load::run(&words),
        Task::Test => checks::test(&words),
        Task::ConfigDocs | Task::Fmt | Task::Lint | Task::Deny if !words.is_empty() => {
            Err(without_options(task, &words))
        }
        Task::Faults => faults::run(&words),
        Task::Fuzz => fuzz::run(&words),
        Task::Bench => bench::run(&words),
        Task::Build => build::run(&words),
        Task::ConfigDocs => config_docs::run(),
        Task::Fmt => checks::format(),
        Task::Lint => checks::lint(),
        Task::Deny => deny::run(),
    }
}

/// Parses the options of a task.
fn read<T: FromArgs>(task: Task, words: Vec<OsString>) -> Result<T, Exit> {
    arguments::parse_from(&format!("{NAME} {}", task.name()), words.into_iter())
}

/// The error for options of a task that has none.
fn without_options(task: Task, words: &[OsString]) -> Exit {
    let name = task.name();
    if words.iter().any(|word| word == "--help") {
        return Exit::Output(format!("Usage: {NAME} {name}\n\n  {}", task.about()));
    }
    Exit::Usage(format!("{NAME} {name}: takes no options\nRun '{NAME} {name} --help' for what it does."))
}

/// Changes to the project's root, if the command was called below it. Outside of the project, tasks
/// that need no source still work.
fn go_to_the_root() -> std::io::Result<()> {
    let root = project::root();
    if std::env::current_dir()?.starts_with(root) { std::env::set_current_dir(root) } else { Ok(()) }
}
