//! The order service with a menu: items, stock, prices, and orders that go by them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod editing;
mod ordering;
mod prices;
mod selling_out;
mod shop;
