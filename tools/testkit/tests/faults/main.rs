//! Every part is broken on purpose, under load, and the promise is checked: an order answered 200
//! is cooked exactly once, one answered 500 or 503 never, and every subscriber sees every change.
//!
//! Each scenario runs real services through proxies, breaks one thing while orders are placed,
//! repairs it, and waits for rest. Then the clients' own record of responses is compared with the
//! database, the broker, the subscribers' output, and `restaurant-ctl audit`. `cargo xtask faults`
//! runs longer scenarios and prints a table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod archived_log;
mod followers;
mod load;
mod machine;
mod menu;
mod refusing_queues;
mod requests;
mod restaurant;
mod scale;
mod signals;
mod verdict;

mod bad_bodies;
mod broker_alarms;
mod broker_faults;
mod broker_limits;
mod broker_refusals;
mod certificates;
mod clients;
mod clocks;
mod collector;
mod database_changes;
mod database_faults;
mod database_limits;
mod full_disks;
mod high_availability;
mod hostile;
mod hostile_over_tls;
mod killed_services;
mod last_portion;
mod manual_kitchen;
mod messages;
mod mixed_releases;
mod network_faults;
mod pauses;
mod recurring_numbers;
mod rescue;
mod restoring;
mod rolling_restart;
mod soak;
mod staff_keys;
mod stops;
mod stream_retention;
mod streams;
