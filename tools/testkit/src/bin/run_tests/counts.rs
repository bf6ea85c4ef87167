//! Counts tests and their results.

use std::fmt;

use crate::arguments::Arguments;

/// The counts of all test programs of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    passed: u64,
    failed: u64,
}

impl Counts {
    /// Parses a line such as `test result: ok. 35 passed; 0 failed; …`.
    pub fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let count = |word: &str| {
            let (before, _) = result.split_once(word)?;
            before.trim_end().rsplit([' ', '.']).next()?.parse::<u64>().ok()
        };
        self.passed += count("passed").unwrap_or(0);
        self.failed += count("failed").unwrap_or(0);
    }

    /// Whether tests ran, and all of them passed.
    pub fn are_good(&self) -> bool {
        self.passed > 0 && self.failed == 0
    }

    /// The message if no test ran. Such a run proves nothing, and must not look successful.
    pub fn nothing_ran(&self, arguments: &Arguments) -> Option<String> {
        if self.passed + self.failed > 0 {
            return None;
        }
        let names = arguments.names.join("' or '");
        Some(if names.is_empty() {
            "no test ran: see above what cargo said".to_owned()
        } else {
            format!("no test ran: see above what cargo said, or look whether a test is called like '{names}'")
        })
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(lines: &[&str]) -> Counts {
        let mut counts = Counts::default();
        for line in lines {
            counts.add(line);
        }
        counts
    }

    #[test]
    fn the_results_of_all_programs_are_summed() {
        let counts = counts(&[
            "running 3 tests",
            "test result: ok. 35 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.01s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 2.00s",
        ]);
        assert_eq!((counts.to_string().as_str(), counts.are_good()), ("37 passed, 1 failed", false));
    }

    #[test]
    fn a_run_without_tests_is_not_good_and_says_so() {
        let named = |words: &[&str]| Arguments::parse(words.iter().map(ToString::to_string));
        let filtered =
            counts(&["test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out"]);
        for nothing in [Counts::default(), filtered] {
            assert!(!nothing.are_good());
            let why = nothing.nothing_ran(&named(&["-p", "domain", "price", "ordre"])).unwrap();
            assert!(why.starts_with("no test ran") && why.ends_with("like 'price' or 'ordre'"), "{why}");
            let why = nothing.nothing_ran(&named(&[])).unwrap();
            assert_eq!(why, "no test ran: see above what cargo said");
        }
        let one = counts(&["test result: ok. 1 passed; 0 failed; 0 ignored"]);
        assert_eq!((one.are_good(), one.nothing_ran(&named(&["price"]))), (true, None));
    }
}
