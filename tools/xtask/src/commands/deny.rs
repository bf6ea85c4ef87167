//! `deny`: checks the dependencies.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use runtime::Exit;

use crate::program::{cargo, run};

const VERSION: &str = "0.20.2";
const TOOLS: &str = ".local/tools";

/// Checks licences, sources and duplicates, and also known vulnerabilities if their list can be
/// fetched.
pub fn deny() -> Result<(), Exit> {
    let program = installed()?;
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
fn installed() -> Result<PathBuf, Exit> {
    let global = PathBuf::from("cargo-deny");
    let asked = Command::new(&global).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if asked.is_ok_and(|status| status.success()) {
        return Ok(global);
    }
    let own = PathBuf::from(TOOLS).join("bin/cargo-deny");
    if !own.is_file() {
        eprintln!("deny: building cargo-deny once into {TOOLS} (some minutes) ...");
        let install = ["install", "cargo-deny", "--locked", "--version", VERSION];
        run(cargo(&install).args(["--debug", "--quiet", "--root", TOOLS]))?;
    }
    Ok(own)
}
