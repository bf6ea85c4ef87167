//! A read-only view of orders and workers over HTTP.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::main::<tracking_service::Arguments>()
}
