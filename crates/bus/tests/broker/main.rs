//! Tests each module of the crate against a real broker, in a file of its own: what arrives, what
//! is answered, and how it reacts to failures of the broker.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // failing is how a test reports

mod connection_names;
mod consuming;
mod consuming_order;
mod dead_letters;
mod declaring;
mod events;
mod inspecting;
mod log_lines;
mod lost_connections;
mod over_tls;
mod permissions;
mod publishing;
mod quorum_queues;
mod refusing;
mod replaying;
mod replying;
mod requests;
mod safety_net;
mod scene;
mod stream;
mod trusting;
