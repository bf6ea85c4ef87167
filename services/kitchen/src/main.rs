//! Cooks orders, each once and only once.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::main::<kitchen_worker::Arguments>()
}
