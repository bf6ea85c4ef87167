//! The names of spans and attributes: OpenTelemetry's semantic conventions 1.37, for HTTP and for
//! databases, which are stable, and for messaging with RabbitMQ, which is still in development.
//! `OTEL_SEMCONV_STABILITY_OPT_IN` is not read: there are no older names to choose from.
//!
//! Whoever makes a span calls a function of this module, so all names are here. Names have few
//! values. What clients write is cut.

use std::borrow::Cow;

use domain::{RequestId, TraceParent};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, SpanKind, Status};
use opentelemetry_sdk::Resource;

use super::caller::Caller;
use super::recorder::database;
use super::span::{Cause, Span};
use crate::http::UNMATCHED;
use crate::labels::Batch;

/// Longest value of an attribute that a client or a message can make long, in bytes.
const MAX_VALUE: usize = 256;
/// The methods that the conventions know (RFC 9110, and PATCH).
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];

const REQUEST_ID: &str = "restaurant.request_id";

/// What the process is: this, and what `OTEL_RESOURCE_ATTRIBUTES` says.
pub(super) fn resource(service: &'static str) -> Resource {
    Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build()
}

/// It failed; `kind` is one of few words for the reason.
pub fn failed(span: &mut Span, kind: &'static str) {
    span.describe(|span| {
        span.set_attribute(KeyValue::new("error.type", kind));
        span.set_status(Status::error(""));
    });
}

/// A request over HTTP has begun. How it ends is told by [`answered`].
pub fn http_request(caller: Caller, method: &str, path: &str, is_encrypted: bool, id: &RequestId) -> Span {
    Span::begin(SpanKind::Server, Cause::Request(caller), || {
        let known = known_method(method);
        let mut attributes = vec![
            KeyValue::new("http.request.method", known.unwrap_or("_OTHER")),
            KeyValue::new("url.path", cut(path)),
            KeyValue::new("url.scheme", if is_encrypted { "https" } else { "http" }),
            KeyValue::new(REQUEST_ID, id.as_str().to_owned()),
        ];
        if known.is_none() {
            attributes.push(KeyValue::new("http.request.method_original", cut(method)));
        }
        (known.unwrap_or("HTTP").into(), attributes)
    })
}

/// The request was answered, by this route if one took it.
pub fn answered(span: &mut Span, method: &str, route: Option<&str>, status: u16) {
    span.describe(|span| {
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        if let Some(route) = route.filter(|route| *route != UNMATCHED) {
            span.set_attribute(KeyValue::new("http.route", route.to_owned()));
            span.update_name(format!("{} {route}", known_method(method).unwrap_or("HTTP")));
        }
        // What the client did wrong is no error of the server.
        if status >= 500 {
            span.set_attribute(KeyValue::new("error.type", status.to_string()));
            span.set_status(Status::error(""));
        }
    });
}

/// From here on an order waits to be stored, until its transaction has committed. The statement
/// itself is that of [`statement`].
pub fn store_order(request: &RequestId) -> Span {
    Span::begin(SpanKind::Internal, Cause::Here(request.trace()), || ("store order".into(), Vec::new()))
}

/// From here on an order that is cooked waits to become ready, until its transaction has committed.
pub fn finish_order(request: &RequestId) -> Span {
    Span::begin(SpanKind::Internal, Cause::Here(request.trace()), || ("finish order".into(), Vec::new()))
}

/// A statement that several requests share: those of them that are in recorded traces. `size` is
/// the number of all.
pub fn statement(batch: Batch, requests: impl Iterator<Item = Option<TraceParent>>, size: usize) -> Span {
    // Without one there is no vector either.
    let recorded: Vec<TraceParent> = requests.flatten().filter(TraceParent::is_sampled).collect();
    if recorded.is_empty() {
        return Span::none();
    }
    Span::begin(SpanKind::Client, Cause::Several(recorded), || {
        let (operation, summary) = match batch {
            Batch::Place => ("INSERT", "INSERT orders"),
            Batch::Claim => ("INSERT", "INSERT order_claims"),
            Batch::Finish => ("UPDATE", "UPDATE orders"),
            Batch::LookUp => ("SELECT", "SELECT orders"),
        };
        let mut attributes = vec![
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.namespace", database()),
            KeyValue::new("db.operation.name", operation),
            KeyValue::new("db.query.summary", summary),
        ];
        // The conventions want it for two and more.
        if size > 1 {
            attributes.push(KeyValue::new("db.operation.batch.size", count(size)));
        }
        (summary.into(), attributes)
    })
}

/// A message on its way, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The exchange that it goes to, or came from.
    pub exchange: &'a str,
    /// With this key.
    pub routing_key: &'a str,
    /// By which it is recognised.
    pub message_id: &'a str,
    /// The size of its body, in bytes.
    pub size: usize,
}

impl Message<'_> {
    fn attributes(&self, operation: &'static str, kind: &'static str, queue: &str) -> Vec<KeyValue> {
        let parts = [self.exchange, self.routing_key, queue];
        let destination = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(":");
        let mut attributes = vec![
            KeyValue::new("messaging.system", "rabbitmq"),
            KeyValue::new("messaging.operation.name", operation),
            KeyValue::new("messaging.operation.type", kind),
            KeyValue::new("messaging.destination.name", cut(&destination)),
            KeyValue::new("messaging.message.body.size", count(self.size)),
        ];
        if !self.routing_key.is_empty() {
            let key = KeyValue::new("messaging.rabbitmq.destination.routing_key", cut(self.routing_key));
            attributes.push(key);
        }
        if !self.message_id.is_empty() {
            attributes.push(KeyValue::new("messaging.message.id", cut(self.message_id)));
        }
        attributes
    }
}

/// How long ago the transaction began whose message is sent. It committed at most 10 s later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Age {
    /// A minute, or less.
    #[default]
    Fresh,
    /// More. Its trace has ended long ago for whoever looks at it: a new one points there.
    Old,
}

/// A message is sent, until RabbitMQ has confirmed it.
pub fn publish(message: &Message<'_>, cause: Option<TraceParent>, age: Age) -> Span {
    let cause = match age {
        Age::Fresh => Cause::Here(cause),
        Age::Old => Cause::LongAgo(cause),
    };
    Span::begin(SpanKind::Producer, cause, || {
        // A reply goes to a queue of the asker, whose name is as good as random.
        let name = if message.exchange.is_empty() {
            Cow::Borrowed("publish")
        } else {
            format!("publish {}", message.exchange).into()
        };
        (name, message.attributes("publish", "send", ""))
    })
}

/// A message is dealt with. `queue` is where it was, or nothing.
pub fn consume(message: &Message<'_>, queue: &'static str, caller: Caller, id: &RequestId) -> Span {
    let cause = match caller {
        Caller::Silent => return Span::none(),
        Caller::Trusted(parent) => Cause::Elsewhere(Some(parent)),
        Caller::Untrusted(_) => Cause::Request(caller),
    };
    Span::begin(SpanKind::Consumer, cause, || {
        let mut attributes = message.attributes("process", "process", queue);
        attributes.push(KeyValue::new("messaging.message.conversation_id", id.as_str().to_owned()));
        let destination = if queue.is_empty() { message.exchange } else { queue };
        // Whoever bound an exchange of theirs to our queue chose its name.
        (format!("process {}", cut(destination)).into(), attributes)
    })
}

fn known_method(method: &str) -> Option<&'static str> {
    METHODS.into_iter().find(|known| *known == method)
}

fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_VALUE)).unwrap_or_default().to_owned()
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
