//! Everything that speaks SQL: the pool, the migrations, and plain functions, one module for each
//! table or aggregate.
//!
//! Each function is one statement, and so one transaction, unless it says otherwise. Statements are
//! guarded: an update that finds another state than it expects changes nothing and says so.

mod adjustments;
pub mod audit;
pub mod backups;
pub mod board;
mod breaker;
mod checkout;
pub mod claims;
pub mod connect;
pub mod connect_error;
pub mod database;
pub mod edit;
pub mod error;
pub mod estimates;
pub mod held_orders;
pub mod history;
pub mod idempotency;
mod ids;
pub mod inspection;
pub mod intake;
pub mod inventory;
pub mod kitchen_tickets;
mod log_position;
pub mod menu;
mod named;
pub mod order_days;
pub mod order_requests;
pub mod order_views;
pub mod orders;
pub mod outbox;
mod pool;
pub mod price_rules;
mod recent;
pub mod replica;
pub mod rescue;
pub mod restoring;
pub mod retention;
pub mod rights;
pub mod roles;
pub mod schema;
pub mod secrets;
pub mod sequences;
pub mod session;
pub mod staff_figures;
pub mod startup;
pub mod status_events;
mod status_notes;
pub mod system_figures;
mod traceparents;
pub mod transitions;
mod transport;
pub mod workers;

pub use database::Database;
pub use error::DbError;
pub use replica::Reads;
pub use session::Access;
