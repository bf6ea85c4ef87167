//! Programs that run to their end.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::Error;
use crate::log_file::last_lines;

/// Runs it with a deadline and returns what it wrote on stdout.
///
/// # Errors
/// It cannot be started, takes longer, or fails: the error carries what it wrote at last.
pub async fn run(command: Command, limit: Duration) -> Result<String, Error> {
    run_on(Stdio::null(), command, limit).await
}

/// As [`run`], with something to read.
pub(crate) async fn run_on(
    stdin: impl Into<Stdio>,
    mut command: Command,
    limit: Duration,
) -> Result<String, Error> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(stdin).kill_on_drop(true);
    let output = tokio::time::timeout(limit, command.output())
        .await
        .map_err(|_| Error::TooSlow { program: program.clone(), limit })?
        .map_err(|source| Error::Run { program: program.clone(), source })?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let written = format!("{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    Err(Error::Failed { program, status: output.status, output: last_lines(&written, 6) })
}

/// The variables that every server and tool gets, and nothing else of ours: settings of the user's
/// own servers (`PGDATA`, `RABBITMQ_NODENAME`, …) must not get in.
pub(crate) fn clean_environment() -> Vec<(OsString, OsString)> {
    let mut variables = vec![(OsString::from("LC_ALL"), OsString::from("C"))];
    for name in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            variables.push((name.into(), value));
        }
    }
    variables
}
