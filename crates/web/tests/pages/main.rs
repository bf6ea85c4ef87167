//! What browsers get, and what the texts must have.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod browser;
mod files;
mod shells;
mod texts;
