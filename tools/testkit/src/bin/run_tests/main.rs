//! Runs all tests of the workspace on one pair of private servers, and counts them.
//!
//! Arguments are passed to `cargo test`, for instance `-p kitchen-worker shutdown`. If there are
//! several names, each test that contains one of them runs.

mod arguments;
mod counts;

use std::process::{ExitCode, Stdio};

use testkit::shared_servers::OwnedPair;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::arguments::Arguments;
use crate::counts::Counts;

/// Tests mostly wait for events, so many can run at once on few cores.
const TEST_THREADS: &str = "8";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse(std::env::args().skip(1));
    let cargo = || Command::from(devcluster::cargo::command());

    // Tests start programs of other packages, which `cargo test -p` would not build.
    let built = cargo().args(["build", "--quiet", "--workspace", "--bins"]).status().await;
    if !built.is_ok_and(|status| status.success()) {
        eprintln!("the workspace does not build");
        return ExitCode::FAILURE;
    }
    let pair = OwnedPair::start(&[]).await;
    let (name, value) = pair.variable();
    let mut command = cargo();
    command.args(["test", "--no-fail-fast"]).args(&arguments.for_cargo);
    command.env(name, value).env("RUST_TEST_THREADS", TEST_THREADS);
    let Ok(mut tests) = command.stdout(Stdio::piped()).kill_on_drop(true).spawn() else {
        eprintln!("cargo cannot be started");
        return ExitCode::FAILURE;
    };
    let mut counts = Counts::default();
    if let Some(output) = tests.stdout.take() {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            println!("{line}");
            counts.add(&line);
        }
    }
    let succeeded = tests.wait().await.is_ok_and(|status| status.success());
    println!("\n{counts}");
    if let Some(why) = counts.nothing_ran(&arguments) {
        eprintln!("{why}");
    }
    if succeeded && counts.are_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
