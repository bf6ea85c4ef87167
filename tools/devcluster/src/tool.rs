//! Runs programs to their end.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::Error;
use crate::log_file::last_lines;

/// Runs a command with a time limit, and returns its standard output.
///
/// # Errors
/// It cannot be started, takes too long, or fails. The error carries the end of its output.
pub async fn run(command: Command, limit: Duration) -> Result<String, Error> {
    run_on(Stdio::null(), command, limit).await
}

/// Like [`run`], with an input.
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

/// The variables for every server and tool, and none of our other ones: settings of the user's own
/// servers (`PGDATA`, `RABBITMQ_NODENAME`, …) must not be inherited.
pub(crate) fn clean_environment() -> Vec<(OsString, OsString)> {
    let mut variables = vec![(OsString::from("LC_ALL"), OsString::from("C"))];
    for name in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            variables.push((name.into(), value));
        }
    }
    variables
}
