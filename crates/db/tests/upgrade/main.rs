//! Migrates a database with orders in it while programs of the version before run.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "so does a test fail")]

mod fixture;
mod programs;
mod version_5;
mod while_in_use;
