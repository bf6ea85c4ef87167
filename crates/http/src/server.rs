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
use tls::server::Certificate;
use tokio_rustls::TlsAcceptor;

use crate::connections::Connections;
use crate::cross_site::CrossSite;
use crate::ending::Ending;
use crate::limits::{self, Limits};
use crate::measured::Measured;
use crate::own_origins::OwnOrigins;
use crate::rate_limit::RateLimit;
use crate::stream::{MAX_HEAD, MAX_HEAD_LINES, Socket, Stream};
use crate::transport::{NotAccepted, Transport};
use crate::{Problem, certificate, middleware, request_id};

pub use crate::listener::{BindError, listen, listen_for_admin, listen_for_exporter};

/// The HTTP server does not report which of these faults it found.
const NOT_HTTP: &str = "This is no valid HTTP/1.1 request. Send a request line such as 'GET /health HTTP/1.1', header lines such as 'Name: value', exactly one Host, and at most one Content-Length or Transfer-Encoding; no TLS and no HTTP/2.";

/// The answer to a client that does not speak TLS, which can read no other.
const NOT_TLS: &str = "This port speaks only TLS. Ask with https:// instead of http://, and trust the authority of its certificate.";

/// What stands before the handlers.
struct Front {
    cross_site: CrossSite,
    base: Option<BasePath>,
    certificate: Option<Arc<Certificate>>,
    rate_limit: Option<RateLimit>,
}

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
    let certificate = certificate::read(settings, log)?;
    let scale = Scale { limits: Limits::of(settings, log), threads, measured: Some(Measured) };
    let rate_limit = RateLimit::of(settings);
    let front = Front { cross_site: sites, base, certificate, rate_limit };
    start_within(scale, listener, front, log, configure)
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
    let scale = Scale { limits: limits::ADMIN, threads: 1, measured: None };
    // Probes and scrapers ask from the same machine or the same cluster, without TLS.
    let front = Front { cross_site: sites, base: None, certificate: None, rate_limit: None };
    start_within(scale, listener, front, log, configure)
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
    front: Front,
    log: &Log,
    configure: F,
) -> std::io::Result<(ServerHandle, impl Future<Output = std::io::Result<()>> + Send + use<F>)>
where
    F: FnOnce(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let Front { cross_site, base, certificate, rate_limit } = front;
    let acceptor = certificate.as_ref().map(certificate::acceptor).transpose()?;
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
        let app = match &rate_limit {
            Some(limit) => app.app_data(limit.clone()),
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
        let host = Host { connections: Arc::clone(&all), tls: acceptor.clone(), log: refusals.clone() };
        fn_factory(move || {
            let (http, host) = (Rc::clone(&http), host.clone());
            async move {
                let http = Rc::new(http.new_service(()).await?);
                Ok::<_, ()>(fn_service(move |tcp| {
                    let (http, host) = (Rc::clone(&http), host.clone());
                    async move {
                        host.serve(tcp, &*http).await;
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
            never = certificate::watch(certificate.as_deref(), &log) => match never {},
        };
        log.report_suppressed();
        ended
    };
    Ok((handle, serving))
}

/// What every connection needs.
#[derive(Clone)]
struct Host {
    connections: Arc<Connections>,
    tls: Option<TlsAcceptor>,
    log: Log,
}

impl Host {
    /// Serves one connection until it closes or is ended.
    async fn serve<S>(&self, tcp: TcpStream, http: &S)
    where
        S: Service<(Stream, Option<SocketAddr>), Response = ()>,
    {
        let Self { connections, tls, log } = self;
        // Without a peer address the connection is already closed.
        let Ok(address) = tcp.peer_addr() else { return };
        let Some(permit) = connections.admit(address.ip()) else { return };
        let accepted = tokio::select! {
            biased;
            accepted = Transport::accept(tcp, tls.as_ref()) => accepted,
            // It is too slow, or a new one needs its place. It could read no answer yet.
            _ = permit.connection.ended() => return,
        };
        let transport = match accepted {
            Ok(transport) => transport,
            Err(why) => return self.refuse(why).await,
        };
        let (pool, slots) = (connections.pool.clone(), connections.slots.clone());
        let socket = Socket::new(transport, Arc::clone(&permit.connection), pool, slots);
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

    /// Ends a connection that does not get as far as HTTP.
    async fn refuse(&self, why: NotAccepted) {
        match why {
            NotAccepted::Gone => {}
            NotAccepted::Plain(tcp) => {
                let ending = Ending::NotTls;
                let answer = final_response(ending, &self.log);
                Transport::Plain(tcp).close(&answer, ending_lingers(ending)).await;
            }
            NotAccepted::Handshake(why) => {
                let message = "A client did not agree on TLS: it may not trust the certificate";
                self.log
                    .info(action::TLS_HANDSHAKE_FAILED, message)
                    .detail("why", why.to_string())
                    .emit_limited();
            }
        }
    }
}

fn ending_lingers(ending: Ending) -> bool {
    match ending {
        Ending::HeadLate
        | Ending::HeadTooLarge
        | Ending::HeadTooLong
        | Ending::NotHttp
        | Ending::NotTls
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
        Ending::NotTls => (StatusCode::BAD_REQUEST, NOT_TLS.to_owned()),
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
