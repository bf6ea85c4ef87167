//! The notification subscriber, sentence by sentence of the specification ("Feature: Notification
//! Service"), on a real broker.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod consumption;
mod display;
mod flags;
mod full_disk;
mod hostile;
mod logs;
mod missed;
mod outages;
mod resume;
mod shutdown;
mod startup;
mod strange_broker;
mod untrusted_publishers;
mod updates;
