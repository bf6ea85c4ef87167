//! Runs all tests of the workspace on one pair of private servers, and counts them.
//!
//! Arguments are passed to `cargo test`, for instance `-p kitchen-worker shutdown`.

use std::process::{ExitCode, Stdio};

use testkit::shared_servers::OwnedPair;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Tests wait for events most of the time: many can run at once on few cores.
const TEST_THREADS: &str = "8";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());

    // Tests start the programs of other packages, which `cargo test -p` would not build.
    let built = Command::new(&cargo).args(["build", "--quiet", "--workspace", "--bins"]).status().await;
    if !built.is_ok_and(|status| status.success()) {
        eprintln!("the workspace does not build");
        return ExitCode::FAILURE;
    }
    let pair = OwnedPair::start().await;
    let (name, value) = pair.variable();
    let mut command = Command::new(cargo);
    command.args(["test", "--no-fail-fast"]);
    if !arguments.iter().any(|argument| argument == "-p" || argument.starts_with("--package")) {
        command.arg("--workspace");
    }
    command.args(&arguments).env(name, value).env("RUST_TEST_THREADS", TEST_THREADS);
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
    println!("\n{} passed, {} failed", counts.passed, counts.failed);
    if succeeded && counts.failed == 0 && counts.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
}

impl Counts {
    /// Reads a line such as `test result: ok. 35 passed; 0 failed; …`.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let count = |word: &str| {
            let (before, _) = result.split_once(word)?;
            before.trim_end().rsplit([' ', '.']).next()?.parse::<u64>().ok()
        };
        self.passed += count("passed").unwrap_or(0);
        self.failed += count("failed").unwrap_or(0);
    }
}
