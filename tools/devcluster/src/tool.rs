//! Runs programs to their end.

use std::ffi::OsString;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::Error;
use crate::log_file::last_lines;

/// Of the output of a failed command. Compilers and installers say first what is wrong, and more
/// after it.
const SHOWN_LINES: usize = 40;

/// Runs a command with a time limit, and returns its standard output.
///
/// # Errors
/// It cannot be started, takes too long, or fails. The error carries the end of its output.
pub async fn run(command: Command, limit: Duration) -> Result<String, Error> {
    run_on("", command, limit).await
}

/// Like [`run`], with an input.
pub(crate) async fn run_on(input: &str, command: Command, limit: Duration) -> Result<String, Error> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let output = output(&program, input, command, limit).await?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let written = format!("{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    Err(Error::Failed { program, status: output.status, output: last_lines(&written, SHOWN_LINES) })
}

/// Runs a command with a time limit, and returns all of its output, however it ends. Errors name
/// the command as `program`.
pub(crate) async fn output(
    program: &str,
    input: &str,
    mut command: Command,
    limit: Duration,
) -> Result<Output, Error> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let work = async {
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let write = async {
            if let Some(mut stdin) = stdin {
                // Fails if the program ends before it has read everything. Its status says more.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        tokio::join!(write, child.wait_with_output()).1
    };
    timeout(limit, work)
        .await
        .map_err(|_| Error::TooSlow { program: program.to_owned(), limit })?
        .map_err(|source| Error::Run { program: program.to_owned(), source })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// More than a pipe holds.
    const LONG: usize = 1 << 20;

    #[tokio::test]
    async fn a_long_input_is_read_whole() {
        let input = "x".repeat(LONG);
        let output = run_on(&input, Command::new("cat"), Duration::from_secs(20)).await.unwrap();
        assert_eq!(output.len(), LONG);
    }

    #[tokio::test]
    async fn an_input_that_nobody_reads_ends_at_the_limit() {
        let mut command = Command::new("sleep");
        command.arg("60");
        let outcome = run_on(&"x".repeat(LONG), command, Duration::from_millis(100)).await;
        assert!(matches!(outcome, Err(Error::TooSlow { .. })), "{outcome:?}");
    }
}
