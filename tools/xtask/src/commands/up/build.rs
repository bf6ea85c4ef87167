//! Builds the services, and what imports the menu, from source.

use std::process::Stdio;

use runtime::{Console, Exit};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::program::{cargo, of_the_system};

/// Cargo prints this even if there was nothing to do.
const NO_NEWS: &str = "Finished";

/// Builds them into this program's folder. Prints what is built, and nothing if everything
/// is up to date.
///
/// # Errors
/// Cargo is missing, or the source does not build.
pub(super) async fn run(console: Console) -> Result<(), Exit> {
    let mut command = Command::from(cargo(&["build"]));
    // A program's package has the program's name.
    command.args(of_the_system().flat_map(|name| ["--package", name]));
    command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let cannot =
        |why: std::io::Error| Exit::Failed(format!("cannot run 'cargo build': {why}. Is Rust installed?"));
    let mut cargo = command.spawn().map_err(cannot)?;
    if let Some(stderr) = cargo.stderr.take() {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if !line.trim_start().starts_with(NO_NEWS) {
                console.print(&line);
            }
        }
    }
    if cargo.wait().await.map_err(cannot)?.success() { Ok(()) } else { Err(Exit::Logged) }
}
