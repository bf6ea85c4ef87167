//! The tracking service, sentence by sentence of the specification ("Feature: Tracking
//! Service"), on real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

mod api;
mod conditional;
mod context;
mod error_handling;
mod flags;
mod health;
mod logs;
mod migrations;
mod outages;
mod pages;
mod query_requests;
mod query_workers;
mod records;
mod shutdown;
mod together;
