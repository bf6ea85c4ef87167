//! The shape of the workspace (ARCHITECTURE.md, "The map"): what may stand on what, and what may be
//! written where. Every rule is tried on something that breaks it, too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod comments;
mod dependencies;
mod deploy;
mod documents;
mod images;
mod line_ends;
mod literals;
mod releases;
mod samples;
mod sources;
mod words;
