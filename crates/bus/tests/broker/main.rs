//! Each part of the crate against a real broker: what arrives, what is answered, and what becomes
//! of it when something befalls the broker's side. A file tests one module of the crate.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod connection_names;
mod consuming;
mod consuming_order;
mod dead_letters;
mod declaring;
mod inspecting;
mod log_lines;
mod lost_connections;
mod permissions;
mod publishing;
mod refusing;
mod replaying;
mod safety_net;
mod scene;
mod stream;
