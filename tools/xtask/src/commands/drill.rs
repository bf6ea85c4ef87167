//! `drill`: practises what breaks whole parts of the system, one drill after the other, and prints
//! a table of what each cost.
//!
//! A drill is a test in `tools/testkit/tests` whose name begins with `drill_`. It reports a
//! `testkit::drill::Outcome`. The drills are found in the sources, so there is no list to keep.

mod found;
mod previous_release;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;

use devcluster::project;
use runtime::exit::failed;
use runtime::{Console, Exit};
use tempfile::NamedTempFile;

use self::found::{Drill, drills};
use super::checks::run_tests;
use crate::program::run;

/// The head of the table; the rows are those of `testkit::drill::Outcome`.
const HEAD: &str = "
| what was broken | placed | acknowledged | lost | doubled | seconds without service | again |
|---|---|---|---|---|---|---|";

/// The variables that a drill reads.
const TABLE: &str = "DRILL_TABLE";
const PREVIOUS_RELEASE: &str = "PREVIOUS_RELEASE";
/// The drill that needs the programs of the previous release.
const RELEASES: &str = "releases";

/// Runs the named drills, or all of them. One that fails does not stop the others.
pub fn run_drills(words: &[OsString]) -> Result<(), Exit> {
    let all = drills(&project::root().join("tools/testkit/tests")).map_err(|why| failed(&why))?;
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    if words.iter().any(|word| word.starts_with('-')) {
        return Err(Exit::Output(help(&all)));
    }
    if let Some(unknown) = words.iter().find(|word| all.iter().all(|drill| drill.name != ***word)) {
        return Err(Exit::Usage(format!("drill: there is no drill '{unknown}'\n\n{}", help(&all))));
    }
    let chosen = all.iter().filter(|drill| words.is_empty() || words.iter().any(|word| *word == drill.name));
    let table = NamedTempFile::new().map_err(|why| failed(&why))?;
    let mut outcome = Ok(());
    for drill in chosen {
        eprintln!("drill: {}", drill.name);
        let done = practise(drill, &table);
        if let Err(why) = done {
            if let Exit::Failed(text) = &why {
                eprintln!("drill: {}: {text}", drill.name);
            }
            outcome = Err(Exit::Code(1));
        }
    }
    let rows = fs::read_to_string(table.path()).map_err(|why| failed(&why))?;
    Console::new().print(format!("{HEAD}\n{rows}").trim_end());
    outcome
}

/// Alone, so that the time without service is its own.
fn practise(drill: &Drill, table: &NamedTempFile) -> Result<(), Exit> {
    let mut tests = run_tests();
    tests.args(["--package", "testkit", "--test", &drill.program, &format!("drill_{}", drill.name)]);
    tests.env("FAULTS", "complete").env(TABLE, table.path());
    if drill.name == RELEASES {
        tests.env(PREVIOUS_RELEASE, previous_release::programs()?);
    }
    run(&mut tests)
}

fn help(drills: &[Drill]) -> String {
    let mut text = "Usage: cargo xtask drill [NAME...]\n\nPractises these, or the named ones:\n\n".to_owned();
    for Drill { name, about, .. } in drills {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<14} {about}");
    }
    text
}
