//! `build`: builds every program that users run.

use std::ffi::OsString;

use domain::ServiceName;
use runtime::Exit;

use crate::program::{become_program, cargo};

/// Builds the programs, with these options of `cargo build`.
pub fn run(words: &[OsString]) -> Result<(), Exit> {
    become_program(cargo().arg("build").args(all_programs()).args(words))
}

/// Cargo's arguments for them: everything that ships, and the load generator.
pub fn all_programs() -> impl Iterator<Item = &'static str> {
    let others = ["restaurant-system", "restaurant-ctl", "restaurant-load"];
    ServiceName::ALL
        .map(ServiceName::binary)
        .into_iter()
        .chain(others)
        .flat_map(|program| ["--package", program])
}
