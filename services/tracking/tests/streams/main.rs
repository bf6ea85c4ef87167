//! Streams of changes, from real services on a real PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod gaps;
mod limits;
mod of_all;
mod of_order;
mod outages;
mod scene;
