//! `run`: runs one service from source.

use std::ffi::OsString;

use domain::ServiceName;
use runtime::Exit;

use crate::program::{become_program, cargo, on_local_servers};

/// Runs a service. The words are the service and its arguments.
pub fn run(words: &[OsString]) -> Result<(), Exit> {
    let known = ServiceName::ALL.map(ServiceName::short_name).join(", ");
    let Some((name, arguments)) = words.split_first() else {
        return Err(Exit::Usage(format!("run: name a service, one of {known}")));
    };
    let name = name.to_string_lossy();
    let service = ServiceName::of_short_name(&name)
        .ok_or_else(|| Exit::Usage(format!("run: '{name}' is none of {known}")))?;
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", service.binary(), "--"]).args(arguments);
    become_program(&mut on_local_servers(&command))
}
