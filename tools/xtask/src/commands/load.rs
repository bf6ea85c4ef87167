//! `load`: many orders, by restaurant-load.

use std::ffi::OsString;
use std::process::Command;

use runtime::Exit;

use crate::program::{become_program, build_quietly};

/// Runs it with these arguments.
pub fn run(words: &[OsString]) -> Result<(), Exit> {
    become_program(Command::new(build_quietly("restaurant-load")?).args(words))
}
