//! Shows every status change.

mod arguments;
mod seen;
mod sentence;
mod service;

use domain::ServiceName;

pub use crate::arguments::Arguments;

const NAME: &str = ServiceName::Notifier.binary();
