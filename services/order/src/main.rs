//! Takes orders over HTTP, stores them and sends them to the kitchen.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::main::<order_service::Arguments>()
}
