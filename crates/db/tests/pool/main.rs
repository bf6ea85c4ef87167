//! The connections: what happens to them and to their statements when the server changes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // failing is how a test reports

mod abandoned;
mod addresses;
mod altered_tables;
mod fair_relay;
mod going_offline;
mod moments;
mod operators_settings;
mod over_tls;
mod pgbouncer;
mod promotion;
mod read_only;
mod reserved;
mod scene;
