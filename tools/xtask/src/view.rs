//! Formats the services' logs for people.

pub mod entry;
pub mod painter;
pub mod stream;
pub mod summary;
