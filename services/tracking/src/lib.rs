//! A read-only view of orders and workers over HTTP.

mod arguments;
mod events;
mod figures;
mod http;
mod lookups;
mod service;

use domain::ServiceName;

pub use crate::arguments::Arguments;

const NAME: &str = ServiceName::Tracking.binary();
