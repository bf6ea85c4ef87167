//! The server on real sockets, with well-behaved and hostile clients.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod answers;
mod bodies;
mod counted;
mod cross_site;
mod deadlines;
mod full;
mod over_tls;
mod pipelined;
mod rate_limit;
mod refused;
mod served;
mod streams;
