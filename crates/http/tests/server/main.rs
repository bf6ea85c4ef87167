//! The server on real sockets, with clients that behave well and badly.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod answers;
mod bodies;
mod cross_site;
mod deadlines;
mod full;
mod pipelined;
mod refused;
mod served;
