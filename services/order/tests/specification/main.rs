//! The order service, sentence by sentence of the specification ("Feature: Order
//! Service"), on real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // so does a test fail

mod broker_connection;
mod concurrency;
mod conditional_validation;
mod configuration;
mod data_processing;
mod database_transaction;
mod error_handling;
mod flags;
mod health;
mod http_api;
mod impatient_client;
mod in_work;
mod input_validation;
mod logs;
mod message_publishing;
mod migrations;
mod order_numbers;
mod outbox_relay;
mod refusal;
mod request_ids;
mod send_response;
mod shutdown;
mod startup;
mod unreadable_bodies;
