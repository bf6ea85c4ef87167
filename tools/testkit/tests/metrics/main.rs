//! The metrics of the running system, against `docs/metrics.md`: each that is documented is there
//! and moves, none is undocumented, and no client can add one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod bounded;
mod complete;
mod outages;
mod page;
mod repeated;
mod scenes;
mod scrape;
