//! `test`, `lint` and `fmt`: the checks for every change.

use std::ffi::OsString;
use std::process::Command;

use runtime::Exit;

use crate::program::{become_program, cargo, run};

/// Checks everything. The words select tests, like those of `cargo test`.
pub fn test(words: &[OsString]) -> Result<(), Exit> {
    if !words.iter().any(|word| word == "--help") {
        run(cargo().args(["fmt", "--all", "--check"]))?;
        run(&mut clippy())?;
    }
    become_program(run_tests().args(words))
}

/// The program that runs tests on private servers.
pub fn run_tests() -> Command {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "testkit", "--bin", "run-tests", "--"]);
    command
}

/// Runs clippy.
pub fn lint() -> Result<(), Exit> {
    become_program(&mut clippy())
}

fn clippy() -> Command {
    let mut command = cargo();
    command.args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    command
}

/// Formats the code.
pub fn format() -> Result<(), Exit> {
    become_program(cargo().args(["fmt", "--all"]))
}
