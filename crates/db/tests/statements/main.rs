//! Each statement against a real database: what it does, what it leaves alone, and what it says.
//! A file tests one module of the crate, or one half of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod changing;
mod claiming;
mod claiming_together;
mod every_statement;
mod finding_out;
mod finishing;
mod heartbeats;
mod idempotency;
mod outbox;
mod outbox_refusals;
mod placing;
mod reading;
mod registering;
mod rescuing;
mod rescuing_paces;
mod rights;
mod roles;
mod scene;
mod taking_back;
mod used_up_ids;
