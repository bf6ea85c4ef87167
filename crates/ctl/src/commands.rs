//! The subcommands, one module each.

pub mod audit;
pub mod completions;
pub mod dlq;
pub mod doctor;
pub mod migrate;
