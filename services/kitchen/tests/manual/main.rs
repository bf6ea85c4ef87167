//! A worker whose cook is a person, by real processes on real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod access;
mod bumping;
mod cancelling;
mod flags;
mod losing;
mod recalling;
mod scene;
mod stopping;
mod streams;
