//! The checks of a change: `test`, `lint`, `fmt`, `faults`, `fuzz` and `deny`.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use runtime::exit::failed;
use runtime::{Console, Exit, time_span};
use tempfile::NamedTempFile;

use crate::program::{become_program, cargo, run};

const HEAD: &str = "
| scenario | placed | acknowledged | lost | doubled | accepted again after |
|---|---|---|---|---|---|";

/// The version of cargo-deny that is built, and where.
const DENY_VERSION: &str = "0.20.2";
const TOOLS: &str = ".local/tools";

/// Package, kind and name of the target, and the test in it.
const PARSERS: [&[&str]; 4] = [
    &["domain", "--test", "fuzz", "http"],
    &["domain", "--test", "fuzz", "message"],
    &["bus", "--lib", "fuzzing"],
    &["config", "--lib", "fuzzing"],
];

/// Checks everything. The words select tests, like those of `cargo test`.
pub fn test(words: &[OsString]) -> Result<(), Exit> {
    if !words.iter().any(|word| word == "--help") {
        run(&mut cargo(&["fmt", "--all", "--check"]))?;
        run(&mut clippy())?;
    }
    become_program(run_tests().args(words))
}

/// The program that runs tests on private servers.
pub fn run_tests() -> Command {
    cargo(&["run", "--quiet", "--package", "testkit", "--bin", "run-tests", "--"])
}

/// Runs clippy.
pub fn lint() -> Result<(), Exit> {
    become_program(&mut clippy())
}

fn clippy() -> Command {
    cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

/// Formats the code.
pub fn format() -> Result<(), Exit> {
    become_program(&mut cargo(&["fmt", "--all"]))
}

/// Runs the fault suite at full length, and prints its table. The words select scenarios, unless
/// `--soak TIME` is among them.
pub fn faults(words: &[OsString]) -> Result<(), Exit> {
    let mut tests = run_tests();
    tests.args(["--package", "testkit", "--test", "faults"]);
    match words {
        [flag, time, rest @ ..] if flag == "--soak" => tests.env("SOAK", time).args(rest).arg("soak"),
        [flag] if flag == "--soak" => {
            return Err(Exit::Usage("faults: --soak needs a time such as 90s, 10m or 1h".to_owned()));
        }
        words => tests.args(words),
    };
    let table = NamedTempFile::new().map_err(|why| failed(&why))?;
    let outcome = run(tests.env("FAULTS", "complete").env("FAULTS_TABLE", table.path()));
    let rows = fs::read_to_string(table.path()).map_err(|why| failed(&why))?;
    Console::new().print(format!("{HEAD}\n{rows}").trim_end());
    outcome
}

/// Tries the parsers of foreign data with hostile inputs, each for a minute or for the given time.
pub fn fuzz(words: &[OsString]) -> Result<(), Exit> {
    let seconds = seconds(words)
        .ok_or_else(|| Exit::Usage("fuzz: only --for, with a time such as 90s or 10m".to_owned()))?;
    for parser in PARSERS {
        let mut tests = cargo(&["test", "--quiet", "--profile", "fuzz", "--package"]);
        tests.args(parser).args(["--", "--nocapture"]);
        run(tests.env("FUZZ_SECONDS", seconds.to_string()))?;
    }
    Ok(())
}

fn seconds(words: &[OsString]) -> Option<u64> {
    match words {
        [] => Some(60),
        [word] => time_span::seconds(word.to_str()?.strip_prefix("--for=")?),
        [flag, time] if flag == "--for" => time_span::seconds(time.to_str()?),
        _ => None,
    }
}

/// Checks licences, sources and duplicates, and also known vulnerabilities if their list can be
/// fetched.
pub fn deny() -> Result<(), Exit> {
    let program = cargo_deny()?;
    // cargo-deny looks at the dependencies of all platforms, which a build does not fetch.
    run(&mut cargo(&["fetch", "--locked", "--quiet"]))?;
    let check = |options: &[&str], what: &[&str]| {
        let mut deny = Command::new(&program);
        deny.arg("--offline").args(options).args(["check", "-A", "duplicate", "--hide-inclusion-graph"]);
        run(deny.args(what))
    };
    check(&[], &["licenses", "sources"])?;
    // Who may depend on what is about programs. Tests may use more.
    check(&["--exclude-dev"], &["bans"])?;
    if run(Command::new(&program).args(["fetch", "db"]).stderr(Stdio::null())).is_err() {
        eprintln!("deny: the list of known weaknesses cannot be fetched here; they were not looked for");
        return Ok(());
    }
    run(Command::new(&program).args(["--offline", "check", "advisories"]))
}

/// The machine's cargo-deny, or one that is built into the project.
fn cargo_deny() -> Result<PathBuf, Exit> {
    let global = PathBuf::from("cargo-deny");
    let asked = Command::new(&global).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if asked.is_ok_and(|status| status.success()) {
        return Ok(global);
    }
    let own = PathBuf::from(TOOLS).join("bin/cargo-deny");
    if !own.is_file() {
        eprintln!("deny: building cargo-deny once into {TOOLS} (some minutes) ...");
        let install = ["install", "cargo-deny", "--locked", "--version", DENY_VERSION];
        run(cargo(&install).args(["--debug", "--quiet", "--root", TOOLS]))?;
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_time_is_taken() {
        let seconds = |line: &str| {
            seconds(&line.split(' ').filter(|word| !word.is_empty()).map(OsString::from).collect::<Vec<_>>())
        };
        assert_eq!(["", "--for 90s", "--for 10m", "--for=2m"].map(seconds), [60, 90, 600, 120].map(Some));
        assert_eq!(["--for", "--for x", "10m", "--for 1m more"].map(seconds), [None; 4]);
    }
}
