//! The subcommands, one module each.

pub mod audit;
pub mod completions;
pub mod demo;
pub mod dlq;
pub mod doctor;
pub mod down;
pub mod load;
pub mod logs;
pub mod migrate;
pub mod reset;
pub mod status;
pub mod up;

use std::error::Error;

use runtime::{Exit, with_causes};

/// The end of a command that failed, with every cause of the error on one line.
pub fn failed(error: &dyn Error) -> Exit {
    Exit::Failed(with_causes(error))
}
