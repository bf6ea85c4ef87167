//! `run`: one service from source.

use std::ffi::OsString;

use runtime::Exit;

use crate::cluster::plan::Role;
use crate::program::{become_program, cargo, on_local_servers};

/// Runs it; the words are the service, and the service's own arguments.
pub fn run(words: &[OsString]) -> Result<(), Exit> {
    let known = Role::ALL.map(Role::part).join(", ");
    let Some((service, arguments)) = words.split_first() else {
        return Err(Exit::Usage(format!("run: name a service, one of {known}")));
    };
    let role = Role::ALL
        .into_iter()
        .find(|role| service == role.part())
        .ok_or_else(|| Exit::Usage(format!("run: '{}' is none of {known}", service.to_string_lossy())))?;
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", role.program(), "--"]).args(arguments);
    become_program(&mut on_local_servers(&command))
}
