//! Orders as guests and staff see them, from real services on a real PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod board;
mod estimates;
mod figures;
mod kitchen;
mod lists;
mod one_order;
mod scene;
mod staff_role;
