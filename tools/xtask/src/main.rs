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

use crate::commands::{checks, config_docs, demo, down, logs, programs, reset, status, up};

const NAME: &str = "cargo xtask";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tls::install_provider();
    match console::all_written(perform().await) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

async fn perform() -> Result<(), Exit> {
    let mut words = std::env::args_os().skip(1);
    let name = words.next().unwrap_or_else(|| "help".into());
    let (name, words): (_, Vec<OsString>) = (name.to_string_lossy(), words.collect());
    go_to_the_root().map_err(|why| failed(&why))?;
    if name == "up" {
        // `up` has its own signal handlers, which stop the cluster gracefully.
        return Box::pin(up::run(read(&name, words)?)).await;
    }
    let signals = StopSignals::handle(None).map_err(|why| failed(&why))?;
    match &*name {
        "--help" | "-h" | "help" => Err(Exit::Output(task::LIST.to_owned())),
        "down" => down::run(read(&name, words)?).await,
        "status" => status::run(&read(&name, words)?),
        "logs" => logs::run(&read(&name, words)?).await,
        "reset" => reset::run(&read(&name, words)?).await,
        "demo" => demo::run(&read(&name, words)?, &signals).await,
        "run" => programs::run_service(&words),
        "audit" | "doctor" => programs::ctl(Some(&name), &words),
        "ctl" => programs::ctl(None, &words),
        "load" => programs::load(&words),
        "bench" => programs::bench(&words),
        "build" => programs::build(&words),
        "test" => checks::test(&words),
        "faults" => checks::faults(&words),
        "fuzz" => checks::fuzz(&words),
        "config-docs" => no_options(&name, &words).and_then(|()| config_docs::run()),
        "fmt" => no_options(&name, &words).and_then(|()| checks::format()),
        "lint" => no_options(&name, &words).and_then(|()| checks::lint()),
        "deny" => no_options(&name, &words).and_then(|()| checks::deny()),
        _ => Err(Exit::Usage(format!(
            "{NAME}: there is no task '{name}'\nRun '{NAME} --help' for all of them."
        ))),
    }
}

/// Parses the options of a task.
fn read<T: FromArgs>(name: &str, words: Vec<OsString>) -> Result<T, Exit> {
    arguments::parse_from(&format!("{NAME} {name}"), words.into_iter())
}

/// Checks the options of a task that has none.
fn no_options(name: &str, words: &[OsString]) -> Result<(), Exit> {
    if words.is_empty() {
        return Ok(());
    }
    if words.iter().any(|word| word == "--help") {
        return Err(Exit::Output(format!("Usage: {NAME} {name}\n\n  {}", task::about(name))));
    }
    Err(Exit::Usage(format!("{NAME} {name}: takes no options\nRun '{NAME} {name} --help' for what it does.")))
}

/// Changes to the project's root, if the command was called below it. Outside of the project, tasks
/// that need no source still work.
fn go_to_the_root() -> std::io::Result<()> {
    let root = project::root();
    if std::env::current_dir()?.starts_with(root) { std::env::set_current_dir(root) } else { Ok(()) }
}
