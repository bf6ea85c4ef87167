//! `build`: every program that people use.

use std::ffi::OsString;

use runtime::Exit;

use crate::cluster::plan::Role;
use crate::program::{become_program, cargo};

/// Builds them, with these options of `cargo build`.
pub fn run(words: &[OsString]) -> Result<(), Exit> {
    become_program(cargo().arg("build").args(all_programs()).args(words))
}

/// The arguments by which cargo builds them: what ships, and the load generator.
pub fn all_programs() -> impl Iterator<Item = &'static str> {
    let others = ["restaurant-system", "restaurant-ctl", "restaurant-load"];
    Role::ALL.map(Role::program).into_iter().chain(others).flat_map(|program| ["--package", program])
}
