//! Everything is broken on purpose, under load, and the promise is checked: what was answered 200
//! is cooked exactly once, what was answered 500 or 503 never is, and everybody sees everything.
//!
//! Each scenario runs real services through proxies, breaks one thing while orders are placed,
//! mends it, and waits for rest. Then the clients' own record of answers is held against the
//! database, the broker, what subscribers saw, and `restaurant-ctl audit`. `cargo xtask faults`
//! tries more of everything and prints a table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod load;
mod machine;
mod refusing_queues;
mod restaurant;
mod scale;
mod signals;
mod verdict;

mod bad_bodies;
mod broker_alarms;
mod broker_faults;
mod broker_limits;
mod broker_refusals;
mod clients;
mod clocks;
mod database_changes;
mod database_faults;
mod database_limits;
mod full_disks;
mod hostile;
mod killed_services;
mod messages;
mod network_faults;
mod recurring_numbers;
mod rescue;
mod rolling_restart;
mod soak;
mod stops;
mod stream_retention;
