//! Hostile inputs for the parsers of foreign data. A corpus of valid inputs, and of inputs that
//! once broke something, is mutated byte by byte and piece by piece. Only tests use this crate.
//!
//! Each run is short, so that every `cargo xtask test` includes one; `cargo xtask fuzz --for 10m`
//! runs longer (`FUZZ_SECONDS`). A failing input is reduced and printed: add it to the corpus.

#![allow(clippy::panic, reason = "tests fail by panicking")]

mod mutation;

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use rustix::time::{ClockId, clock_gettime};

use crate::mutation::Mutation;

/// The length of a run without `FUZZ_SECONDS`.
const DEFAULT_SECONDS: u64 = 2;
/// The largest input in bytes: what the HTTP services accept.
pub const MAX_BYTES: usize = 64 * 1024;
/// The largest number of mutations of one input.
const MAX_MUTATIONS: usize = 12;
/// The longest processor time that a parser may use for one input. Without optimisation, 64 KiB
/// take some milliseconds.
const MAX_WORK: Duration = Duration::from_secs(1);
/// Inputs between two checks of the time.
const ROUND: u32 = 256;

/// The inputs of a fuzz test.
#[derive(Debug)]
pub struct Fuzz {
    name: &'static str,
    corpus: Vec<Vec<u8>>,
    tokens: &'static [&'static str],
}

impl Fuzz {
    /// The files of a folder, and tokens that have a meaning to the parser.
    ///
    /// # Panics
    /// The folder cannot be read, or is empty.
    pub fn new(name: &'static str, corpus: &str, tokens: &'static [&'static str]) -> Self {
        let entries = std::fs::read_dir(Path::new(corpus)).unwrap_or_else(|why| panic!("{corpus}: {why}"));
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        let corpus: Vec<_> = files.iter().flat_map(std::fs::read).collect();
        assert!(!corpus.is_empty(), "{name}: an empty corpus");
        Self { name, corpus, tokens }
    }

    /// Adds inputs that the test generates.
    #[must_use]
    pub fn and(mut self, inputs: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.corpus.extend(inputs);
        self
    }

    /// Tries the unchanged corpus, then mutations of it until the time is over.
    ///
    /// # Panics
    /// `check` panics with one of the inputs, or uses too much processor time.
    pub fn run(self, check: impl Fn(&[u8])) {
        let within_limits = |input: &[u8]| {
            let started = processor_time();
            check(input);
            let work = processor_time().saturating_sub(started);
            assert!(work < MAX_WORK, "{} bytes took {work:?} of processor time", input.len());
        };
        for input in &self.corpus {
            within_limits(input);
        }
        let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
        let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(DEFAULT_SECONDS));
        let config =
            Config { cases: ROUND, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
        let inputs = self.inputs();
        let tried = Cell::new(0_u64);
        while Instant::now() < end {
            // A new runner each time, because a runner counts its cases over all of its runs.
            let outcome = TestRunner::new(config.clone()).run(&inputs, |input| {
                tried.set(tried.get() + 1);
                let checked = std::panic::catch_unwind(AssertUnwindSafe(|| within_limits(&input)));
                checked.map_err(|why| TestCaseError::fail(said(why.as_ref())))
            });
            if let Err(TestError::Fail(why, input)) = outcome {
                panic!("{}: {why}\nwith b\"{}\"\nAdd it to the corpus.", self.name, input.escape_ascii());
            }
        }
        println!("{}: {} inputs", self.name, tried.get());
    }

    fn inputs(&self) -> impl Strategy<Value = Vec<u8>> + use<> {
        let (corpus, tokens) = (self.corpus.clone(), self.tokens);
        let from_corpus = (any::<Index>(), prop::collection::vec(mutation::any(), 0..=MAX_MUTATIONS))
            .prop_map(move |(which, mutations): (Index, Vec<Mutation>)| {
                let mut input = which.get(&corpus).clone();
                for mutation in &mutations {
                    mutation.apply(&mut input, &corpus, tokens);
                    input.truncate(MAX_BYTES);
                }
                input
            });
        let raw = prop::collection::vec(any::<u8>(), 0..512);
        prop_oneof![15 => from_corpus, 1 => raw]
    }
}

/// The message of a panic.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

/// The time of this thread, so that other load on the machine does not count.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_a_parser_is_found_and_made_small() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
        let fuzz = Fuzz { tokens: &["needle"], ..Fuzz::new("itself", corpus, &[]) };
        let fuzz = Fuzz { corpus: vec![b"hay".to_vec()], ..fuzz };
        let has_needle = |input: &[u8]| input.windows(6).any(|window| window == b"needle");
        let broken = std::panic::catch_unwind(AssertUnwindSafe(|| {
            fuzz.run(|input| assert!(!has_needle(input), "found"));
        }));
        let Err(why) = broken else { panic!("nothing was found") };
        let text = said(why.as_ref());
        assert!(text.contains("found") && text.contains("needle") && text.len() < 200, "{text}");
    }
}
