//! What the system tells of itself: metrics, in the format of Prometheus (OpenMetrics 1.0), and
//! [`traces`].
//!
//! [`metrics`] is the one list: a metric that is not in it does not exist. A program counts with
//! atomics, without a lock and without memory from the heap. Each label has few values, which are
//! known when the program is built: they start at 0, and no client can add one.
//!
//! ```
//! use telemetry::Program;
//! use telemetry::metrics::STOCK_REFUSALS;
//!
//! STOCK_REFUSALS.inc();
//! let shown = telemetry::render(Program::Order).unwrap();
//! assert!(shown.contains("restaurant_stock_refusals_total 1\n"));
//! ```

mod build_info;
mod exposition;
mod family;
mod figures;
mod histogram;
mod hooks;
pub mod http;
mod instrument;
pub mod labels;
pub mod metrics;
mod page;
mod process;
mod program;
pub mod traces;

pub use self::build_info::Build;
pub use self::exposition::{CONTENT_TYPE, render};
pub use self::family::Family;
pub use self::figures::{Figures, NamedFigures};
pub use self::histogram::{Buckets, Histogram};
pub use self::hooks::before_each_scrape;
pub use self::instrument::Instrument;
pub use self::page::page;
pub use self::process::note_start;
pub use self::program::Program;

pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::gauge::Gauge;
