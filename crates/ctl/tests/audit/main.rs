//! `restaurant-ctl audit` on real servers: each rule broken once, and a busy
//! system without findings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod busy;
mod queues;
mod recalls;
mod rules;
mod scene;
mod unchecked;
