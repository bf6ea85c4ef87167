//! The order service, sentence by sentence of the specification ("Feature: Order Service"), on real servers.

mod send_response;
