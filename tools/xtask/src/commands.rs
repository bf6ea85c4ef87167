//! The tasks.

pub mod checks;
pub mod config_docs;
pub mod demo;
pub mod down;
pub mod drill;
pub mod logs;
pub mod programs;
pub mod reset;
pub mod status;
pub mod up;
