//! The shape of the workspace (ARCHITECTURE.md, "The map"): which dependencies are allowed, and
//! which code belongs where. Every rule is also tested on an example that breaks it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod circles;
mod comments;
mod dependencies;
mod deploy;
mod deployed_users;
mod documents;
mod features;
mod images;
mod line_ends;
mod releases;
mod rust_files;
mod samples;
mod sources;
mod vendored;
mod words;
