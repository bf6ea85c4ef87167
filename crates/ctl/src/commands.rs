//! The subcommands, one module each.

pub mod demo;
pub mod down;
pub mod logs;
pub mod migrate;
pub mod reset;
pub mod status;
pub mod up;

use std::error::Error;

use runtime::Exit;

/// The end of a command that failed, with every cause of the error on one line.
pub fn failed(error: &dyn Error) -> Exit {
    Exit::Failed(with_causes(error))
}

/// An error and its causes, as "what: why: why".
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
