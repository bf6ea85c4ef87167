//! `deploy/observability` against `docs/metrics.md` and `docs/runbooks`. Alerts and dashboards name
//! only what is documented. Each alert is tested and has its page. Prometheus accepts all of it.
//!
//! That the dashboards have data is tested by `tools/xtask/tests/cluster/observed.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod alerts;
mod documented;
mod expression;
mod names;
mod promtool;
mod runbooks;
