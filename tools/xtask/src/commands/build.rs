//! `build`: every program that people use.

use std::ffi::OsString;

use domain::ServiceName;
use runtime::Exit;

use crate::program::{become_program, cargo};

/// Builds them, with these options of `cargo build`.
pub fn run(words: &[OsString]) -> Result<(), Exit> {
    become_program(cargo().arg("build").args(all_programs()).args(words))
}

/// The arguments by which cargo builds them: what ships, and the load generator.
pub fn all_programs() -> impl Iterator<Item = &'static str> {
    let others = ["restaurant-system", "restaurant-ctl", "restaurant-load"];
    ServiceName::ALL
        .map(ServiceName::binary)
        .into_iter()
        .chain(others)
        .flat_map(|program| ["--package", program])
}
