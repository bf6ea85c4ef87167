//! `audit`, `doctor` and `ctl`: restaurant-ctl, on the servers of `up` if it runs.

use std::ffi::OsString;
use std::process::Command;

use runtime::Exit;

use crate::program::{become_program, build_quietly, on_local_servers};

/// Runs a command of it. Without `command`, the first word names it.
pub fn run(command: Option<&str>, words: &[OsString]) -> Result<(), Exit> {
    let mut ctl = Command::new(build_quietly("restaurant-ctl")?);
    ctl.args(command).args(words);
    become_program(&mut on_local_servers(&ctl))
}
