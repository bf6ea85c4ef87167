//! Cooks orders, each once and only once.

mod arguments;
mod claim_batcher;
mod cook;
mod cooking_times;
mod dead_letter;
mod display;
mod error;
mod forwarding;
mod health;
mod http;
mod in_flight;
mod manual;
mod pace;
mod retry;
mod service;
mod status_publisher;
mod worker_session;

use domain::ServiceName;

pub use crate::arguments::Arguments;

const NAME: &str = ServiceName::Kitchen.binary();
