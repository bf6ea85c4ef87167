//! `load`: runs restaurant-load against the services of `up`, if it runs.

use std::ffi::OsString;
use std::process::Command;

use runtime::Exit;

use crate::cluster::folder::LocalFolder;
use crate::cluster::state::State;
use crate::program::{become_program, build_quietly};

/// Runs it with these arguments.
pub fn run(words: &[OsString]) -> Result<(), Exit> {
    let mut load = Command::new(build_quietly("restaurant-load")?);
    if let Ok(record) = State::of(&LocalFolder::here()).open() {
        for (option, url) in [("--url", record.order_url), ("--tracking", record.tracking_url)] {
            if !is_given(option, words) {
                load.arg(option).arg(url);
            }
        }
    }
    become_program(load.args(words))
}

fn is_given(option: &str, words: &[OsString]) -> bool {
    let is_it =
        |word: &str| word == option || word.strip_prefix(option).is_some_and(|rest| rest.starts_with('='));
    words.iter().any(|word| is_it(&word.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_is_named_is_taken() {
        let given = |line: &str| is_given("--url", &line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(given("--url http://127.0.0.1:1") && given("--rate 1 --url=http://127.0.0.1:1"));
        assert!(!given("--rate 1") && !given("--tracking http://127.0.0.1:1 --urls"));
    }
}
