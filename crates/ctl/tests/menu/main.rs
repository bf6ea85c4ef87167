//! `restaurant-ctl menu` and `restaurant-ctl prices`, as an operator uses them, on a real database.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod advice;
mod bad_files;
mod comparing;
mod doctor;
mod importing;
mod live;
mod outputs;
mod round_trip;
mod scene;
mod together;
