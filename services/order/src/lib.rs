//! Takes orders over HTTP and as messages, stores them and sends them to the kitchen.

mod acceptance;
mod admission;
mod arguments;
mod changes;
mod dead_letters;
mod http;
mod intake;
mod menu;
mod placing;
mod readiness;
mod relay;
mod rescuer;
mod service;

#[cfg(test)]
#[path = "../tests/schedules/mod.rs"]
mod schedules;

use domain::ServiceName;

pub use crate::arguments::Arguments;

const NAME: &str = ServiceName::Order.binary();
