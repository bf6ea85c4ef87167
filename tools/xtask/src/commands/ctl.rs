//! `audit`, `doctor` and `ctl`: restaurant-ctl, on the servers of `up` while that runs.

use std::ffi::OsString;
use std::process::Command;

use runtime::Exit;

use crate::program::{become_program, build_quietly, on_local_servers};

/// Runs a command of it; without one, the words begin with it.
pub fn run(command: Option<&str>, words: &[OsString]) -> Result<(), Exit> {
    let mut ctl = Command::new(build_quietly("restaurant-ctl")?);
    ctl.args(command).args(words);
    become_program(&mut on_local_servers(&ctl))
}
