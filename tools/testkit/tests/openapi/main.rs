//! The descriptions of the HTTP interfaces (`/openapi.json`) against the services themselves: every
//! route is described, every example is taken, every answer fits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod description;
mod examples;
mod generated;
mod heads;
mod routes;
mod scene;
mod schema;
