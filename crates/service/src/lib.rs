//! What every service is made of.

pub mod batching;
