//! What orders cost: worked examples, and properties of random baskets under random rules.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod examples;
mod properties;
mod records;
mod scene;
