//! `deploy/observability` against `docs/metrics.md` and `docs/runbooks`: alerts and dashboards name
//! only what is documented, each alert is tested and has its page, and Prometheus accepts all of it.
//!
//! That the dashboards have data is tested by `tools/xtask/tests/cluster/observed.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod alerts;
mod documented;
mod expression;
mod names;
mod promtool;
mod runbooks;
