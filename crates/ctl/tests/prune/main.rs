//! `restaurant-ctl prune` on real servers: what is old goes, or loses its names, and the audit
//! still counts everything.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod anonymising;
mod beside_load;
mod interrupted;
mod past;
mod removing;
mod scene;
mod staying;
mod usage;
