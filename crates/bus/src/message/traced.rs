//! A message's place in a trace.

use domain::RequestId;
use telemetry::traces::Span;
use telemetry::traces::conventions::{self, Age};

use super::Outgoing;
use crate::headers::{TRACEPARENT, insert, text};

impl Outgoing {
    /// This request causes it. Those that are made for a request know it already.
    #[must_use]
    pub fn of_request(self, id: &RequestId) -> Self {
        Self { trace: id.trace(), ..self }
    }

    /// Its transaction began so long ago.
    #[must_use]
    pub fn of_age(self, age: Age) -> Self {
        Self { age, ..self }
    }

    /// Begins the span of its publishing, and writes who comes after into the header: the span, or,
    /// if none is recorded, what caused the message.
    pub(crate) fn begin_span(&mut self) -> Span {
        let Some(cause) = self.trace else { return Span::none() };
        let message = conventions::Message {
            exchange: self.exchange,
            routing_key: &self.routing_key,
            message_id: &self.message_id,
            size: self.body.len(),
        };
        let span = conventions::publish(&message, Some(cause), self.age);
        let mut headers = self.properties.headers().cloned().unwrap_or_default();
        insert(&mut headers, TRACEPARENT, text(&span.or(cause).to_string()));
        self.properties.with_headers(headers);
        span
    }
}
