//! Tests each statement against a real database: what it changes, what it leaves alone, and what it
//! returns. A file tests one module of the crate, or half of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // failing is how a test reports

mod changing;
mod claiming;
mod claiming_together;
mod deciding;
mod every_statement;
mod finding_out;
mod finishing;
mod giving_back;
mod heartbeats;
mod idempotency;
mod inventory;
mod lives;
mod menu;
mod outbox;
mod outbox_refusals;
mod pausing;
mod placing;
mod plans;
mod price_rules;
mod reading;
mod recalling;
mod refused_neighbours;
mod registering;
mod requesting;
mod rescuing;
mod rescuing_paces;
mod restoring;
mod rights;
mod roles;
mod scene;
mod selling;
mod selling_at_once;
mod shop;
mod spawned;
mod staff_figures;
mod status_events;
mod system_figures;
mod taking_back;
mod used_up_ids;
