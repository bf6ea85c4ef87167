//! One request and its response: it records their progress on the connection, and reads the body.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::{HttpRequest, web};
use deadlines::http::BODY_DEADLINE;
use domain::RequestId;
use futures_util::{Stream, StreamExt as _};
use logging::printable;

use crate::Problem;
use crate::connection::{Connection, UNKNOWN_LENGTH};
use crate::pool::{Pool, Reservation};
use crate::stream_slots::StreamSlots;

/// Largest body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// Bytes of a body, and of a response, that the connection's own memory share covers. The pool
/// provides the rest. Orders and their responses are smaller, so a full pool refuses none of them.
const FREE: usize = 8 * 1024;
/// A body is held at most twice: in pieces while it arrives, and then as a whole. So is a response:
/// as the handler made it, and as the server writes it.
const COPIES: usize = 2;
/// The media type of a form.
const FORM: &str = "application/x-www-form-urlencoded";
/// Seconds after which a client should retry if the pool was full.
const RETRY_AFTER: u64 = 1;

/// What a request finds in the data of its connection.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) connection: Arc<Connection>,
    pub(crate) pool: Pool,
    pub(crate) slots: StreamSlots,
    /// The pool memory of the response, until the client has read it.
    pub(crate) answer: Rc<RefCell<Reservation>>,
    /// Whether the connection is encrypted.
    pub(crate) is_encrypted: bool,
}

/// Whether the client speaks TLS with this server itself.
pub(crate) fn is_encrypted(request: &HttpRequest) -> bool {
    request.conn_data::<Exchange>().is_some_and(|exchange| exchange.is_encrypted)
}

/// Records on the connection that the head of this request is complete. Returns the connection, if
/// the server has stored it in its data.
pub(crate) fn begin(request: &ServiceRequest) -> Option<Arc<Connection>> {
    let connection = Arc::clone(&request.conn_data::<Exchange>()?.connection);
    connection.begins(body_length(request.headers()));
    if asks_for_other_protocol(request) {
        connection.is_last();
    }
    Some(connection)
}

/// Reserves memory for a large response until it is written, because a slow client leaves it in the
/// server.
///
/// # Errors
/// The response to send instead: 503.
pub(crate) fn reserve(
    request: &HttpRequest,
    answer: &impl MessageBody,
    id: &RequestId,
) -> Result<(), Problem> {
    let length = match answer.size() {
        BodySize::Sized(length) => usize::try_from(length).unwrap_or(usize::MAX),
        // An event stream holds one small part at a time. Its queue is reserved with its place.
        BodySize::None | BodySize::Stream => 0,
    };
    let beyond = length.saturating_sub(FREE).saturating_mul(COPIES);
    let has_room = beyond == 0
        || request
            .conn_data::<Exchange>()
            .is_none_or(|exchange| exchange.answer.borrow_mut().grow_to(beyond));
    if has_room {
        return Ok(());
    }
    let detail = "Too many large answers are on their way at the moment. Try again in a second.";
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, id).retry_after(RETRY_AFTER))
}

/// The length of the body that these headers describe (RFC 9112, section 6); 0 without a body.
fn body_length(headers: &HeaderMap) -> usize {
    let comes_in_chunks = headers.contains_key(header::TRANSFER_ENCODING);
    if comes_in_chunks { UNKNOWN_LENGTH } else { announced(headers).unwrap_or_default() }
}

/// The value of `Content-Length`, if there is one. An unreadable value counts as a large one.
fn announced(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    Some(length.to_str().ok().and_then(|length| length.parse().ok()).unwrap_or(usize::MAX))
}

/// Whether the request asks to switch to another protocol. The services support none, and a server
/// may ignore the request (RFC 9110, section 7.8). But the HTTP server would accept the switch, or
/// never find the end of the body.
fn asks_for_other_protocol(request: &ServiceRequest) -> bool {
    request.head().connection_type() == ConnectionType::Upgrade
        || request.method() == Method::CONNECT
        || swallows_the_rest(request.headers())
}

/// Whether the HTTP server takes everything after this head for its body, whatever its length says.
fn swallows_the_rest(headers: &HeaderMap) -> bool {
    let is_websocket = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket");
    headers.get_all(header::UPGRADE).any(is_websocket) && !headers.contains_key(header::TRANSFER_ENCODING)
}

/// Reads a whole JSON body within the limits of size, time and memory. Empty if there is none.
///
/// # Errors
/// 415 for another media type, 408, 413, 503, or 400 if the client aborted the body.
pub async fn read_json(
    request: &HttpRequest,
    body: web::Payload,
    id: &RequestId,
) -> Result<web::Bytes, Problem> {
    if body_length(request.headers()) == 0 {
        return Ok(web::Bytes::new());
    }
    check_media_type(request.headers(), id)?;
    read_body(request, body, id).await
}

/// A body that a program or a form has written.
pub(crate) enum Written {
    Json(web::Bytes),
    Form(web::Bytes),
}

/// As [`read_json`], but a form is read as well. Only for what another site's page gains nothing
/// by: its form needs no preflight.
///
/// # Errors
/// As [`read_json`].
pub(crate) async fn read_written(
    request: &HttpRequest,
    body: web::Payload,
    id: &RequestId,
) -> Result<Written, Problem> {
    if media_type(request.headers()).is_some_and(|media_type| media_type == FORM) {
        check_encoding(request.headers(), id)?;
        return read_body(request, body, id).await.map(Written::Form);
    }
    read_json(request, body, id).await.map(Written::Json)
}

/// Reads a whole body of any media type.
async fn read_body(request: &HttpRequest, body: web::Payload, id: &RequestId) -> Result<web::Bytes, Problem> {
    let announced = announced(request.headers());
    if announced.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large(id));
    }
    let end = announced.filter(|_| swallows_the_rest(request.headers()));
    let Some(exchange) = request.conn_data::<Exchange>() else {
        return gather(body, end, &Pool::new(MAX_BODY * COPIES), id).await;
    };
    let body = tokio::select! {
        // Read the available bytes before checking the clock.
        biased;
        body = gather(body, end, &exchange.pool, id) => body?,
        () = exchange.connection.body_is_late() => {
            let detail = format!("The body did not arrive within {} s.", BODY_DEADLINE.as_secs());
            return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail, id));
        }
    };
    exchange.connection.has_body();
    Ok(body)
}

/// `end` is the length of a body that does not end by itself.
async fn gather<E: std::fmt::Display>(
    mut body: impl Stream<Item = Result<web::Bytes, E>> + Unpin,
    end: Option<usize>,
    pool: &Pool,
    id: &RequestId,
) -> Result<web::Bytes, Problem> {
    let mut reserved = pool.empty();
    let mut whole = web::BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|why| {
            Problem::new(StatusCode::BAD_REQUEST, format!("The body could not be read: {why}"), id)
        })?;
        let length = whole.len() + piece.len();
        if length > MAX_BODY {
            return Err(too_large(id));
        }
        if length > FREE && !reserved.grow_to((length - FREE) * COPIES) {
            let detail = "Too many large bodies are on their way at the moment. Try again in a second.";
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, id);
            return Err(problem.retry_after(RETRY_AFTER));
        }
        whole.extend_from_slice(&piece);
        if end.is_some_and(|end| length >= end) {
            break;
        }
    }
    whole.truncate(end.unwrap_or(MAX_BODY));
    Ok(whole.freeze())
}

fn too_large(id: &RequestId) -> Problem {
    let detail =
        format!("The body is larger than {MAX_BODY} bytes. An order of 20 items needs a tenth of that.");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail, id)
}

/// Accepts only a declared JSON type: a browser sends any other type to any server on behalf of any
/// page, without a preflight.
fn check_media_type(headers: &HeaderMap, id: &RequestId) -> Result<(), Problem> {
    check_encoding(headers, id)?;
    let Some(media_type) = media_type(headers) else {
        return unsupported(
            "The body has no media type; send it with Content-Type: application/json.".to_owned(),
            id,
        );
    };
    if media_type == "application/json" || media_type.ends_with("+json") {
        return Ok(());
    }
    let shown = printable(&media_type);
    unsupported(
        format!("The body has the media type \"{shown}\"; send it with Content-Type: application/json."),
        id,
    )
}

fn check_encoding(headers: &HeaderMap, id: &RequestId) -> Result<(), Problem> {
    for encoding in headers.get_all(header::CONTENT_ENCODING) {
        let encoding = String::from_utf8_lossy(encoding.as_bytes()).trim().to_ascii_lowercase();
        if encoding != "identity" {
            let shown = printable(&encoding);
            return unsupported(
                format!("The body has the content encoding \"{shown}\"; send it as it is, without one."),
                id,
            );
        }
    }
    Ok(())
}

/// The declared media type in lower case, without its parameters.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let media_type =
        String::from_utf8_lossy(headers.get(header::CONTENT_TYPE)?.as_bytes()).to_ascii_lowercase();
    Some(media_type.split(';').next().unwrap_or_default().trim().to_owned())
}

fn unsupported(detail: String, id: &RequestId) -> Result<(), Problem> {
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail, id))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::convert::Infallible;

    use actix_web::ResponseError as _;

    use super::*;
    use crate::request_id;

    async fn gathered(lengths: &[usize], pool: &Pool) -> Result<usize, StatusCode> {
        let pieces: Vec<_> =
            lengths.iter().map(|length| Ok::<_, Infallible>(web::Bytes::from(vec![b' '; *length]))).collect();
        let body = futures_util::stream::iter(pieces);
        let gathered = gather(body, None, pool, &request_id::generate()).await;
        gathered.map(|body| body.len()).map_err(|problem| problem.status_code())
    }

    #[tokio::test]
    async fn bodies_beyond_the_free_part_share_a_pool() {
        let pool = Pool::new(100);
        assert_eq!(gathered(&[FREE, 50], &pool).await, Ok(FREE + 50));
        assert_eq!(gathered(&[FREE, 51], &pool).await, Err(StatusCode::SERVICE_UNAVAILABLE));
        let mut taken = pool.empty();
        assert!(taken.grow_to(100), "the others gave it back");
        assert_eq!(gathered(&[FREE / 2, FREE / 2], &pool).await, Ok(FREE));
        let large = Pool::new(MAX_BODY * COPIES);
        assert_eq!(gathered(&[MAX_BODY], &large).await, Ok(MAX_BODY));
        assert_eq!(gathered(&[MAX_BODY, 1], &large).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
    }

    #[test]
    fn whether_a_body_comes_is_known_from_the_head() {
        let headers = |name: header::HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            headers
        };
        assert_eq!(body_length(&HeaderMap::new()), 0);
        assert_eq!(body_length(&headers(header::CONTENT_LENGTH, "0")), 0);
        assert_eq!(body_length(&headers(header::CONTENT_LENGTH, "1")), 1);
        let unreadable = headers(header::CONTENT_LENGTH, "99999999999999999999999");
        assert_eq!(body_length(&unreadable), UNKNOWN_LENGTH);
        assert_eq!(body_length(&headers(header::TRANSFER_ENCODING, "chunked")), UNKNOWN_LENGTH);
    }
}
