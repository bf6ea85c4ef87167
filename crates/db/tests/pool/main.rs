//! The connections: what becomes of them, and of what runs on them, when the
//! server changes under them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod abandoned;
mod addresses;
mod altered_tables;
mod fair_relay;
mod going_offline;
mod moments;
mod operators_settings;
mod pgbouncer;
mod read_only;
mod reserved;
mod scene;
