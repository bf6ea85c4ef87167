//! What the bench uses of the load generator: its connection, and the plots of its page.

pub mod connection;
pub mod plot;
