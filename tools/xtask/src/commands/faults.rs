//! `faults`: runs the fault suite at full length, and prints its table.

use std::ffi::OsString;
use std::fs;

use runtime::exit::failed;
use runtime::{Console, Exit};
use tempfile::NamedTempFile;

use crate::commands::checks::run_tests;
use crate::program;

const HEAD: &str = "
| scenario | placed | acknowledged | lost | doubled | accepted again after |
|---|---|---|---|---|---|";

/// Runs it. The words select scenarios, unless `--soak TIME` is among them.
pub fn run(words: &[OsString]) -> Result<(), Exit> {
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
    let outcome = program::run(tests.env("FAULTS", "complete").env("FAULTS_TABLE", table.path()));
    let rows = fs::read_to_string(table.path()).map_err(|why| failed(&why))?;
    Console::new().print(format!("{HEAD}\n{rows}").trim_end());
    outcome
}
