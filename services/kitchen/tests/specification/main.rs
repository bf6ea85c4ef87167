//! The kitchen worker, sentence by sentence of the specification ("Feature: Kitchen
//! Worker"), on real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod broker_and_database_restarts;
mod dead_letters;
mod error_handling;
mod flags;
mod graceful_shutdown;
mod heartbeat;
mod idempotency;
mod lost_rows;
mod lost_workers;
mod many_at_once;
mod message_consumption;
mod mismatched_messages;
mod observe;
mod order_processing;
mod registration;
mod specialization;
mod status_updates;
mod transactional_integrity;
mod untrusted_publishers;
