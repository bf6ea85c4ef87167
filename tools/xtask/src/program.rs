//! Runs programs: cargo, and what cargo has built.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use devcluster::project;
use domain::ServiceName;
use runtime::Exit;
use runtime::exit::failed;

use crate::cluster::menu;
use crate::cluster::record::KEEPS_WHAT_IS_SET;

/// Delay before a progress line is printed.
const NOTICE_DELAY: Duration = Duration::from_secs(2);

/// Points a program to the servers of `up`, if it runs.
const ON_LOCAL_SERVERS: &str = r#"
    if [ -f .local/env ]; then . ./.local/env
    else echo "nothing is open here: going on with the servers of config.yaml ('cargo xtask up' opens the restaurant)" >&2
    fi
    exec "$0" "$@""#;

/// The cargo that runs this program, with these arguments.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = devcluster::cargo::command();
    command.args(arguments);
    command
}

/// The folder that cargo builds programs into.
pub fn folder() -> Result<PathBuf, Exit> {
    project::programs().map_err(|why| failed(&why))
}

/// The same command, on the servers of `up` if it runs. Variables that are already set take
/// precedence.
pub fn on_local_servers(command: &Command) -> Command {
    let script = format!("{KEEPS_WHAT_IS_SET}=yes{ON_LOCAL_SERVERS}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).arg(command.get_program()).args(command.get_args());
    shell
}

/// Runs a program to its end.
///
/// # Errors
/// It cannot be started. Or it failed: then it has printed why, and its exit code is used.
pub fn run(command: &mut Command) -> Result<(), Exit> {
    let status = command.status().map_err(|why| cannot_run(command, &why))?;
    if status.success() {
        return Ok(());
    }
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    Err(Exit::Code(code.and_then(|code| code.try_into().ok()).unwrap_or(1)))
}

/// Replaces this process by a program, so that signals and exit code are the program's own.
///
/// # Errors
/// It cannot be started.
pub fn become_program(command: &mut Command) -> Result<(), Exit> {
    let why = command.exec();
    Err(cannot_run(command, &why))
}

/// The programs of the system that `up` opens.
pub fn of_the_system() -> impl Iterator<Item = &'static str> {
    ServiceName::ALL.map(ServiceName::binary).into_iter().chain([menu::IMPORTER])
}

/// Builds a program into this program's folder, without output unless it takes a while. Returns its
/// path.
///
/// It builds those of the system as well, as `up` does: alone, the program would need other
/// features of its dependencies, and they would all be compiled once more.
///
/// # Errors
/// It does not build; cargo has printed why.
pub fn build_quietly(package: &'static str) -> Result<PathBuf, Exit> {
    let (done, waiting) = mpsc::channel::<()>();
    thread::spawn(move || {
        if waiting.recv_timeout(NOTICE_DELAY) == Err(RecvTimeoutError::Timeout) {
            eprintln!("building {package}, or waiting for another build ...");
        }
    });
    let packages = of_the_system().chain([package]).flat_map(|name| ["--package", name]);
    let built = run(cargo(&["build", "--quiet"]).args(packages));
    drop(done);
    built?;
    Ok(folder()?.join(package))
}

fn cannot_run(command: &Command, why: &std::io::Error) -> Exit {
    let program = command.get_program().to_string_lossy();
    let advice = if program.contains("cargo") { ". Is Rust installed?" } else { "" };
    Exit::Failed(format!("cannot run '{program}': {why}{advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_program_that_fails_is_passed_on() {
        let shell = |script: &str| run(Command::new("sh").args(["-c", script]));
        assert_eq!(shell("exit 0"), Ok(()));
        assert_eq!(shell("exit 7"), Err(Exit::Code(7)));
        assert_eq!(shell("kill -TERM $$"), Err(Exit::Code(143)));
        let missing = run(&mut Command::new("/nowhere/program")).unwrap_err();
        assert!(matches!(missing, Exit::Failed(text) if text.starts_with("cannot run '/nowhere/program': ")));
    }

    #[test]
    fn arguments_go_through_untouched() {
        let mut command = Command::new("printf");
        command.args(["%s|", "a b", "--x=y", "*", "$HOME", ""]);
        let output = on_local_servers(&command).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "a b|--x=y|*|$HOME||");
    }
}
