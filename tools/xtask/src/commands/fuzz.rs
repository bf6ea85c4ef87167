//! `fuzz`: hostile inputs for the parsers of foreign data.

use std::ffi::OsString;

use runtime::{Exit, time_span};

use crate::program::{cargo, run as run_to_end};

const MINUTE: u64 = 60;
/// Package, kind and name of the target, and the test in it.
const PARSERS: [&[&str]; 4] = [
    &["domain", "--test", "fuzz", "http"],
    &["domain", "--test", "fuzz", "message"],
    &["bus", "--lib", "fuzzing"],
    &["config", "--lib", "fuzzing"],
];

/// Runs all of them, each for a minute or for the given time.
pub fn run(words: &[OsString]) -> Result<(), Exit> {
    let seconds = seconds(words)
        .ok_or_else(|| Exit::Usage("fuzz: only --for, with a time such as 90s or 10m".to_owned()))?;
    for parser in PARSERS {
        let mut tests = cargo();
        tests
            .args(["test", "--quiet", "--profile", "fuzz", "--package"])
            .args(parser)
            .args(["--", "--nocapture"]);
        run_to_end(tests.env("FUZZ_SECONDS", seconds.to_string()))?;
    }
    Ok(())
}

fn seconds(words: &[OsString]) -> Option<u64> {
    match words {
        [] => Some(MINUTE),
        [word] => time_span::seconds(word.to_str()?.strip_prefix("--for=")?),
        [flag, time] if flag == "--for" => time_span::seconds(time.to_str()?),
        _ => None,
    }
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
