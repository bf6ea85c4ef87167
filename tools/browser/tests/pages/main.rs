//! What people do with the pages, in a real browser, on real services.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod alarms;
mod board;
mod changes;
mod cooking;
mod cooking_by_keys;
mod displays;
mod docs;
mod gateway;
mod kitchen;
mod looks;
mod ordering;
mod pausing;
mod restarts;
mod restaurant;
mod staff;
mod tracking;
