//! `bench`: measures the speed, in comparison with a baseline.

use std::ffi::OsString;
use std::process::Command;

use runtime::Exit;

use crate::commands::build::all_programs;
use crate::program::{become_program, cargo, folder, run as run_to_end};

/// Runs the micro-benchmarks (`micro`), or the scenarios that the words name.
pub fn run(words: &[OsString]) -> Result<(), Exit> {
    if let Some((first, options)) = words.split_first()
        && first == "micro"
    {
        return micro(options);
    }
    if let Some(question) = words.iter().find(|word| *word == "--list" || *word == "--help") {
        return become_program(cargo().args(["run", "--quiet", "--package", "bench", "--"]).arg(question));
    }
    eprintln!("building the optimised programs (some minutes at the first time) ...");
    let mut build = cargo();
    build.args(["build", "--quiet", "--release"]).args(all_programs()).args(["--package", "bench"]);
    run_to_end(&mut build)?;
    become_program(Command::new(folder()?.with_file_name("release").join("bench")).args(words))
}

/// The micro-benchmarks: validation, order numbers, messages, log lines.
fn micro(options: &[OsString]) -> Result<(), Exit> {
    for (package, bench) in [("domain", "rules"), ("logging", "lines")] {
        let mut command = cargo();
        command.args(["bench", "--quiet", "--package", package, "--bench", bench, "--"]).args(options);
        run_to_end(&mut command)?;
    }
    Ok(())
}
