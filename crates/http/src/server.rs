//! The limits that every HTTP server of the system has, and the port it listens on.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpServer, middleware, web};
use domain::RequestId;
use logging::Log;
use runtime::open_files;
use tokio::time::timeout;

use crate::{Problem, request_id};

/// Longest time for a client to send its header.
pub const HEADER_DEADLINE: Duration = Duration::from_secs(5);
/// Longest time for a client to send its body.
pub const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// How long an idle connection stays open.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Largest body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// Most open connections of one service, over all of its threads.
pub const MAX_CONNECTIONS: usize = 10_000;
/// Open files beside them: to the servers, for the threads, for the log.
const OTHER_FILES: usize = 240;
/// Longest time that requests under way get to finish when the service stops, in seconds.
pub const DRAIN_SECONDS: u64 = 15;

/// Why a service cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {why}{}", hint(why))]
pub struct CannotListen {
    address: SocketAddr,
    why: std::io::Error,
}

fn hint(why: &std::io::Error) -> &'static str {
    match why.kind() {
        std::io::ErrorKind::AddrInUse => {
            ". Another program uses this port: stop it, or choose another with --port"
        }
        std::io::ErrorKind::PermissionDenied => {
            ". Ports below 1024 need privileges: choose another with --port"
        }
        std::io::ErrorKind::AddrNotAvailable => {
            ". This machine has no such address: check http.bind (HTTP_BIND)"
        }
        _ => "",
    }
}

/// Starts to serve: limits set, every request with its id. Signals are the service's own business.
///
/// # Errors
/// The listener cannot be used.
pub fn start(
    listener: TcpListener,
    log: &Log,
    configure: impl FnOnce(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<Server> {
    let server = HttpServer::new(move || {
        App::new().wrap(middleware::from_fn(request_id::assign)).configure(configure.clone())
    });
    // The server counts the connections of each of its threads.
    let threads = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
    let server = server
        .listen(listener)?
        .workers(threads)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEADER_DEADLINE)
        .max_connections((allowed_connections(log) / threads).max(1))
        .shutdown_timeout(DRAIN_SECONDS)
        .disable_signals();
    Ok(server.run())
}

/// [`MAX_CONNECTIONS`], or as many as the system lets this process have open files for: further ones wait to be accepted.
fn allowed_connections(log: &Log) -> usize {
    let allowed = open_files::raise_to(MAX_CONNECTIONS + OTHER_FILES).saturating_sub(OTHER_FILES).max(1);
    if allowed < MAX_CONNECTIONS {
        log.info(
            "connections_limited",
            format!(
                "At most {allowed} connections are served at a time instead of {MAX_CONNECTIONS}: the hard limit of open \
                 files (ulimit -Hn) is too low"
            ),
        )
        .detail("connections", allowed)
        .emit();
    }
    allowed.min(MAX_CONNECTIONS)
}

/// Binds the port; 0 lets the system choose one, to be read from the listener.
///
/// # Errors
/// The address or the port is not to be had.
pub fn listen(address: IpAddr, port: u16) -> Result<TcpListener, CannotListen> {
    let address = SocketAddr::new(address, port);
    let listener =
        TcpListener::bind(address).and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    listener.map_err(|why| CannotListen { address, why })
}

/// Reads a whole body within the limits of size and time.
///
/// # Errors
/// 408, 413, or 400 if the client broke off.
pub async fn read_body(
    request: &HttpRequest,
    body: web::Payload,
    id: &RequestId,
) -> Result<web::Bytes, Problem> {
    let too_large = || {
        let detail =
            format!("The body is larger than {MAX_BODY} bytes. An order of 20 items needs a tenth of that.");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail, id)
    };
    let announced = request.headers().get(actix_web::http::header::CONTENT_LENGTH);
    let announced =
        announced.and_then(|length| length.to_str().ok()).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    match timeout(BODY_DEADLINE, body.to_bytes_limited(MAX_BODY)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(why))) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, format!("The body could not be read: {why}"), id))
        }
        Ok(Err(_)) => Err(too_large()),
        Err(_) => {
            let detail = format!("The body did not arrive within {} s.", BODY_DEADLINE.as_secs());
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail, id))
        }
    }
}
