//! `restaurant-ctl dlq`, as an operator uses it, on a real broker.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod inspecting;
mod interrupted;
mod large;
mod removing;
mod scene;
mod usage;
