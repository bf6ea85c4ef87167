//! Shows every status change.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::main::<notification_subscriber::Arguments>()
}
