//! For tests only: a real Chromium on our pages. It sees what people see, presses what they press,
//! and says what axe finds.
//!
//! Nothing sleeps for a guessed time: what should become true is awaited in the page, with a
//! deadline.

#![allow(
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing
)]

mod accessibility;
mod command;
mod look;
mod tab;

pub use accessibility::Finding;
pub use look::{Look, Theme};
pub use tab::Browser;
