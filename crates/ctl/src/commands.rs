//! The subcommands, one module each; `editing` is what two of them share.

pub mod audit;
pub mod backup;
pub mod broker_users;
pub mod completions;
pub mod dlq;
pub mod doctor;
mod editing;
pub mod exporter;
mod lost_targets;
pub mod menu;
pub mod migrate;
pub mod prices;
pub mod prune;
pub mod release;
pub mod restore;
