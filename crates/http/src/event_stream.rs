//! Event streams: responses of the type `text/event-stream` that go on (WHATWG HTML, "Server-sent
//! events").

use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{self, BodySize, MessageBody};
use actix_web::http::header::{self, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use domain::RequestId;
use futures_util::Stream;

use crate::Problem;
use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::pool::Reservation;
use crate::stream_slots::StreamSlot;

/// Tells proxies (nginx) not to hold parts of the response back.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Seconds after which a client should retry if all places were taken.
const RETRY_AFTER: u64 = 5;

/// The right to answer a request with a stream. It counts as an open stream from the first
/// look-up on.
#[derive(Debug)]
pub struct StreamPermit {
    /// `None` outside a server: in a test of a handler.
    of_server: Option<OfServer>,
    is_head: bool,
}

/// What a stream has of its server.
#[derive(Debug)]
struct OfServer {
    connection: Arc<Connection>,
    /// Held until the stream is dropped, as is its memory.
    _slot: StreamSlot,
    _queue: Reservation,
}

impl StreamPermit {
    /// Takes a place.
    ///
    /// # Errors
    /// The response to send instead: 503, since as many streams as the server allows are open.
    pub fn take(request: &HttpRequest, id: &RequestId) -> Result<Self, Problem> {
        Self::take_with_queue(request, 0, id)
    }

    /// Takes a place, and so many bytes of memory for what may wait for the stream, beyond what its
    /// connection has.
    ///
    /// # Errors
    /// As [`take`](Self::take), or there is not as much memory.
    pub fn take_with_queue(request: &HttpRequest, queue: usize, id: &RequestId) -> Result<Self, Problem> {
        let is_head = request.method() == Method::HEAD;
        let Some(exchange) = request.conn_data::<Exchange>() else {
            return Ok(Self { of_server: None, is_head });
        };
        let connection = Arc::clone(&exchange.connection);
        let mut reserved = exchange.pool.empty();
        let slot = exchange.slots.take(connection.peer).filter(|_| reserved.grow_to(queue));
        let Some(slot) = slot else {
            return Err(too_many_streams(id));
        };
        Ok(Self { of_server: Some(OfServer { connection, _slot: slot, _queue: reserved }), is_head })
    }

    /// The response: these parts, each sent as soon as it is there. The connection closes after it.
    /// To `HEAD` it has none, and no length, since that of a stream is unknown (RFC 9110, section
    /// 8.6).
    pub fn respond(self, parts: impl Stream<Item = Bytes> + 'static) -> HttpResponse {
        let mut response = head();
        if self.is_head {
            return response.body(body::None::new());
        }
        if let Some(of_server) = &self.of_server {
            of_server.connection.will_stream();
        }
        response.body(EventStream { parts: Box::pin(parts), permit: self })
    }
}

/// As many streams as the server allows are open.
pub(crate) fn too_many_streams(id: &RequestId) -> Problem {
    let detail = "As many event streams are open as this service allows. Try again in some seconds, or ask for the status from time to time.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, id).retry_after(RETRY_AFTER)
}

fn head() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((BUFFERING, "no"));
    response
}

/// The body of the response.
struct EventStream<S> {
    parts: Pin<Box<S>>,
    permit: StreamPermit,
}

impl<S: Stream<Item = Bytes>> MessageBody for EventStream<S> {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let part = std::task::ready!(self.parts.as_mut().poll_next(cx));
        if let (None, Some(of_server)) = (&part, &self.permit.of_server) {
            of_server.connection.stream_ends();
        }
        Poll::Ready(part.map(Ok))
    }
}

/// The id of the last event that the client got, if it comes back (`Last-Event-ID`).
pub fn last_event_id(request: &HttpRequest) -> Option<String> {
    let id = String::from_utf8_lossy(request.headers().get(LAST_EVENT_ID)?.as_bytes());
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

/// An event. `data` is one line. Without an id here, one that was sent [before](id) belongs to it.
pub fn event(id: Option<&str>, name: &str, data: &str) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {name}\ndata: {data}\n\n").into()
}

/// The first line of an event that has an id.
pub fn id(id: impl Display) -> Bytes {
    format!("id: {id}\n").into()
}

/// Only an id: the client sends it when it comes back, and shows no event.
pub fn position(id: impl Display) -> Bytes {
    format!("id: {id}\n\n").into()
}

/// How long the client is to wait before it comes back.
pub fn retry(pause: Duration) -> Bytes {
    format!("retry: {}\n\n", pause.as_millis()).into()
}

/// A line that clients ignore. It keeps the connection in use.
pub fn comment(text: &str) -> Bytes {
    format!(": {text}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_blocks_of_the_standard() {
        assert_eq!(event(Some("7"), "status", "{}"), "id: 7\nevent: status\ndata: {}\n\n");
        assert_eq!(event(None, "heartbeat", "{}"), "event: heartbeat\ndata: {}\n\n");
        assert_eq!(id(7), "id: 7\n");
        assert_eq!(position("7!5"), "id: 7!5\n\n");
        assert_eq!(retry(Duration::from_millis(1_500)), "retry: 1500\n\n");
        assert_eq!(comment("nothing"), ": nothing\n\n");
    }
}
