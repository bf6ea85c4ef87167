//! Everything is broken on purpose, under load, and the promise is checked: what was answered 200 is cooked exactly once,
//! what was answered 500 or 503 never is, and everybody sees everything.
//!
//! Each scenario runs real services through proxies, breaks one thing while orders are placed, mends it, and waits for
//! rest. Then the clients' own record of answers is held against the database, the broker, and what subscribers saw.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod load;
mod restaurant;
mod verdict;

mod broker_faults;
mod database_faults;
mod killed_services;
mod network_faults;
