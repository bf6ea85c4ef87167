//! The HTTP server of a service: actix's HTTP/1.1 and its threads, on sockets whose deadlines and
//! limits this crate enforces.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;

use actix_http::{HttpService, KeepAlive};
use actix_service::{Service, ServiceFactory, fn_factory, fn_service, map_config};
use actix_web::dev::{AppConfig, Server, ServerHandle};
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::{App, web};
use config::BasePath;
use deadlines::http::HEAD_DEADLINE;
use deadlines::stop::DRAIN_DEADLINE;
use logging::{Log, action};

use crate::connections::Connections;
use crate::cross_site::CrossSite;
use crate::ending::Ending;
use crate::limits::{self, Limits};
use crate::measured::Measured;
use crate::own_origins::OwnOrigins;
use crate::stream::{MAX_HEAD, MAX_HEAD_LINES, Socket, Stream};
use crate::{Problem, middleware, request_id};

pub use crate::listener::{BindError, listen, listen_for_admin, listen_for_exporter};

/// The HTTP server does not report which of these faults it found.
const NOT_HTTP: &str = "This is no valid HTTP/1.1 request. Send a request line such as 'GET /health HTTP/1.1', header lines such as 'Name: value', exactly one Host, and at most one Content-Length or Transfer-Encoding; no TLS and no HTTP/2.";

/// Starts the server with its limits. Every request gets an id, and loses the base path. Pages of
/// our two services may use it, and those of the configured sites. The service handles signals
/// itself. The returned future is the server: it ends after the handle has stopped it.
///
/// # Errors
/// The listener cannot be used.
pub fn start<F>(
    listener: TcpListener,
    settings: &config::Http,
    pages: &config::Web,
    log: &Log,
    configure: F,
) -> std::io::Result<(ServerHandle, impl Future<Output = std::io::Result<()>> + Send + use<F>)>
where
    F: FnOnce(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let threads = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
    let sites = CrossSite::new(settings, OwnOrigins::new(pages), listener.local_addr()?.ip(), log);
    let base = Some(&pages.base_path).filter(|base| !base.is_root()).cloned();
    let server = Scale { limits: Limits::of(settings, log), threads, measured: Some(Measured) };
    start_within(server, listener, sites, base, log, configure)
}

/// As [`start`], for the admin listener: a few connections on one thread, for programs. Pages of
/// other sites and, on the loopback, foreign names are refused as by default.
///
/// # Errors
/// The listener cannot be used.
pub fn start_for_admin<F>(
    listener: TcpListener,
    log: &Log,
    configure: F,
) -> std::io::Result<(ServerHandle, impl Future<Output = std::io::Result<()>> + Send + use<F>)>
where
    F: FnOnce(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let http = config::Http::default();
    let sites = CrossSite::new(&http, OwnOrigins::default(), listener.local_addr()?.ip(), log);
    let server = Scale { limits: limits::ADMIN, threads: 1, measured: None };
    start_within(server, listener, sites, None, log, configure)
}

/// How large a server is, and whether its requests are measured.
struct Scale {
    limits: Limits,
    threads: usize,
    measured: Option<Measured>,
}

fn start_within<F>(
    Scale { limits, threads, measured }: Scale,
    listener: TcpListener,
    cross_site: CrossSite,
    base: Option<BasePath>,
    log: &Log,
    configure: F,
) -> std::io::Result<(ServerHandle, impl Future<Output = std::io::Result<()>> + Send + use<F>)>
where
    F: FnOnce(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let connections = Arc::new(Connections::new(limits));
    let server = Server::build()
        .workers(threads)
        // `Connections` enforces the limit, because it can evict idle connections for new ones.
        .max_concurrent_connections(usize::MAX >> 1)
        .shutdown_timeout(DRAIN_DEADLINE.as_secs())
        .disable_signals();
    let shutdown = server.graceful_shutdown_signal();
    let all = Arc::clone(&connections);
    let refusals = log.clone();
    let server = server.listen("http", listener, move || {
        let app = App::new().app_data(cross_site.clone()).app_data(refusals.clone());
        let app = match &base {
            Some(base) => app.app_data(base.clone()),
            None => app,
        };
        let app = match measured {
            Some(measured) => app.app_data(measured),
            None => app,
        };
        let app = app.wrap(from_fn(middleware::handle)).configure(configure.clone());
        let shutdown = shutdown.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let shutdown = shutdown.clone();
                async move { shutdown.notified().await }
            })
            // The sweep of `Connections` enforces all deadlines.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(std::time::Duration::ZERO)
            .client_disconnect_timeout(HEAD_DEADLINE)
            .on_connect_ext(|stream: &Stream, data| drop(data.insert(stream.exchange())))
            .h1(map_config(app, |()| AppConfig::default()));
        let http = Rc::new(http);
        let (connections, log) = (Arc::clone(&all), refusals.clone());
        fn_factory(move || {
            let (http, connections, log) = (Rc::clone(&http), Arc::clone(&connections), log.clone());
            async move {
                let http = Rc::new(http.new_service(()).await?);
                Ok::<_, ()>(fn_service(move |tcp| {
                    let (http, connections, log) = (Rc::clone(&http), Arc::clone(&connections), log.clone());
                    async move {
                        serve(tcp, &*http, &connections, &log).await;
                        Ok::<_, Infallible>(())
                    }
                }))
            }
        })
    })?;
    let server = server.run();
    let handle = server.handle();
    let log = log.clone();
    let serving = async move {
        let ended = tokio::select! {
            ended = server => ended,
            never = connections.sweep(&log) => match never {},
        };
        log.report_suppressed();
        ended
    };
    Ok((handle, serving))
}

/// Serves one connection until it closes or is ended.
async fn serve<S>(tcp: TcpStream, http: &S, connections: &Arc<Connections>, log: &Log)
where
    S: Service<(Stream, Option<SocketAddr>), Response = ()>,
{
    // Without a peer address the connection is already closed.
    let Ok(address) = tcp.peer_addr() else { return };
    let Some(permit) = connections.admit(address.ip()) else { return };
    let (pool, slots) = (connections.pool.clone(), connections.slots.clone());
    let socket = Socket::new(tcp, Arc::clone(&permit.connection), pool, slots);
    let stream = socket.stream();
    let failed = tokio::select! {
        biased;
        served = http.call((stream, Some(address))) => served.is_err(),
        _ = permit.connection.ended() => false,
    };
    // The server has dropped its half by now.
    if let Some(socket) = Rc::into_inner(socket) {
        let (final_response, lingers) = match permit.connection.ending() {
            // The client closed it, or the last response answered a complete request.
            None => (Vec::new(), failed),
            Some(ending) => (final_response(ending, log), ending_lingers(ending)),
        };
        socket.close(&final_response, lingers).await;
    }
    drop(permit);
}

fn ending_lingers(ending: Ending) -> bool {
    match ending {
        Ending::HeadLate
        | Ending::HeadTooLarge
        | Ending::HeadTooLong
        | Ending::NotHttp
        | Ending::AnsweredEarly => true,
        Ending::Idle
        | Ending::RequestLate
        | Ending::AnswerUnread
        | Ending::StreamUnread
        | Ending::Evicted => false,
    }
}

/// The response to a request that was given up before any handler got it. It is logged under the
/// request id that the client sees.
fn final_response(ending: Ending, log: &Log) -> Vec<u8> {
    let (status, detail) = match ending {
        Ending::HeadLate => {
            let detail = format!("The head did not arrive within {} s.", HEAD_DEADLINE.as_secs());
            (StatusCode::REQUEST_TIMEOUT, detail)
        }
        Ending::HeadTooLarge => {
            let detail =
                format!("The head is larger than {MAX_HEAD} bytes. Send fewer headers, or shorter ones.");
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
        }
        Ending::HeadTooLong => {
            let detail = format!("The head has more than {MAX_HEAD_LINES} lines. Send fewer headers.");
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
        }
        Ending::NotHttp => (StatusCode::BAD_REQUEST, NOT_HTTP.to_owned()),
        Ending::Idle
        | Ending::RequestLate
        | Ending::AnswerUnread
        | Ending::StreamUnread
        | Ending::Evicted
        | Ending::AnsweredEarly => return Vec::new(),
    };
    let id = request_id::generate();
    let problem = Problem::new(status, detail, &id);
    log.with_request_id(id)
        .error(action::REQUEST_REFUSED, "A request was refused before its head was read", &problem)
        .emit_limited();
    problem.final_response()
}
