//! `restaurant-ctl doctor` on real servers: every problem that can prevent a start, and the proof
//! that the doctor changes nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod broker;
mod configuration;
mod database;
mod over_tls;
mod ports;
mod visit;
