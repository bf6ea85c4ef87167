//! The tasks, one module each.

pub mod bench;
pub mod build;
pub mod checks;
pub mod config_docs;
pub mod ctl;
pub mod demo;
pub mod deny;
pub mod down;
pub mod faults;
pub mod fuzz;
pub mod load;
pub mod logs;
pub mod reset;
pub mod run;
pub mod status;
pub mod up;
