//! `restaurant-ctl doctor` on real servers: each thing that can be in the way of a start, and
//! that it changes nothing.
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
mod ports;
mod visit;
