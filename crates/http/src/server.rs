//! The HTTP server of a service: actix's HTTP/1.1 and its threads, on sockets whose deadlines and limits are kept here.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;

use actix_http::{HttpService, KeepAlive};
use actix_service::{Service, ServiceFactory, fn_factory, fn_service, map_config};
use actix_web::dev::{AppConfig, Server, ServerHandle};
use actix_web::http::StatusCode;
use actix_web::rt::net::TcpStream;
use actix_web::{App, middleware, web};
use logging::Log;
use runtime::config;

use crate::connection::{Ending, HEAD_DEADLINE};
use crate::connections::Connections;
use crate::cross_site::{self, CrossSite};
use crate::limits::Limits;
use crate::stream::{MAX_HEAD, Socket, Stream};
use crate::{Problem, exchange, request_id};

pub use crate::listener::{CannotListen, listen};

/// Longest time that requests under way get to finish when the service stops, in seconds.
pub const DRAIN_SECONDS: u64 = 15;

/// Starts to serve: limits set, every request with its id. Signals are the service's own business. The future is the server:
/// it ends when the handle has stopped it.
///
/// # Errors
/// The listener cannot be used.
pub fn start<F>(
    listener: TcpListener,
    settings: &config::Http,
    log: &Log,
    configure: F,
) -> std::io::Result<(ServerHandle, impl Future<Output = std::io::Result<()>> + Send + use<F>)>
where
    F: FnOnce(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let limits = Limits::of(settings, log);
    let connections = Arc::new(Connections::new(limits));
    let cross_site = CrossSite::new(settings, listener.local_addr()?.ip(), log);
    let threads = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
    let server = Server::build()
        .workers(threads)
        // `Connections` limits them, and lets newcomers in for others.
        .max_concurrent_connections(usize::MAX >> 1)
        .shutdown_timeout(DRAIN_SECONDS)
        .disable_signals();
    let shutdown = server.graceful_shutdown_signal();
    let all = Arc::clone(&connections);
    let server = server.listen("http", listener, move || {
        let cross_site = cross_site.clone();
        let app = App::new()
            .app_data(cross_site)
            .wrap(middleware::from_fn(cross_site::check))
            .wrap(middleware::from_fn(request_id::assign))
            .wrap(middleware::from_fn(exchange::follow))
            .configure(configure.clone());
        let shutdown = shutdown.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let shutdown = shutdown.clone();
                async move { shutdown.notified().await }
            })
            // All deadlines are kept by the sweep of `Connections`.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(std::time::Duration::ZERO)
            .client_disconnect_timeout(HEAD_DEADLINE)
            .on_connect_ext(|stream: &Stream, data| drop(data.insert(stream.exchange())))
            .h1(map_config(app, |()| AppConfig::default()));
        let http = Rc::new(http);
        let connections = Arc::clone(&all);
        fn_factory(move || {
            let (http, connections) = (Rc::clone(&http), Arc::clone(&connections));
            async move {
                let http = Rc::new(http.new_service(()).await?);
                Ok::<_, ()>(fn_service(move |tcp| {
                    let (http, connections) = (Rc::clone(&http), Arc::clone(&connections));
                    async move {
                        serve(tcp, &*http, &connections).await;
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
        tokio::select! {
            ended = server => ended,
            never = connections.sweep(&log) => match never {},
        }
    };
    Ok((handle, serving))
}

/// Serves one connection until it ends, or has to.
async fn serve<S>(tcp: TcpStream, http: &S, connections: &Arc<Connections>)
where
    S: Service<(Stream, Option<SocketAddr>), Response = ()>,
{
    // Without an address it is gone already.
    let Ok(address) = tcp.peer_addr() else { return };
    let Some(place) = connections.admit(address.ip()) else { return };
    let socket = Socket::new(tcp, Arc::clone(&place.connection), connections.pool.clone());
    let stream = socket.stream();
    let ending = tokio::select! {
        served = http.call((stream, Some(address))) => served.map_err(drop).map_err(|()| None),
        ending = place.connection.ended() => Err(Some(ending)),
    };
    // The server's half is dropped by now.
    if let Some(socket) = Rc::into_inner(socket) {
        let (last_words, lingers) = match ending {
            // It was the client, or the last answer was given to a whole request.
            Ok(()) => (Vec::new(), false),
            // Bytes that are no HTTP were answered so.
            Err(None) => (Vec::new(), true),
            Err(Some(ending)) => (last_words(ending), ending_lingers(ending)),
        };
        socket.close(&last_words, lingers).await;
    }
    drop(place);
}

fn ending_lingers(ending: Ending) -> bool {
    matches!(ending, Ending::HeadLate | Ending::HeadTooLarge | Ending::AnsweredEarly)
}

/// What a client is told whose request was given up before any handler had it.
fn last_words(ending: Ending) -> Vec<u8> {
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
        _ => return Vec::new(),
    };
    Problem::new(status, detail, &request_id::generate()).last_words()
}
