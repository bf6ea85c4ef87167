//! What every service is made of: one way from the command line to the exit code ([`main`]), one
//! owner of its tasks ([`Tasks`]), an admin listener with the probes, and [`batching`].
//!
//! It knows neither the database nor the broker: not every service may use both.

mod admin;
pub mod batching;
mod certificates;
mod process;
mod tasks;
mod traces;

pub use self::process::{CommonArguments, Failure, Process, Service, main};
pub use self::tasks::{TaskEnded, Tasks};
