//! A read-only view of orders and workers over HTTP.

mod api;
mod arguments;
mod conditional;
mod lookups;
mod service;

use domain::ServiceName;

pub use crate::arguments::Arguments;

const NAME: &str = ServiceName::Tracking.binary();
