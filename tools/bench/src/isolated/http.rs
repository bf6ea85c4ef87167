//! HTTP in isolation: an order is parsed, validated, and answered with a number and a token. It is
//! neither stored nor logged.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::{HttpRequest, HttpResponse, web};
use anyhow::{Context, Result};
use config::{Http, Web};
use domain::{Money, OrderIdentity, OrderNumber, OrderStatus, OrderTokenKey, place_order};
use http_service::server;
use http_service::{health, read_json, request_id};
use serde::Serialize;
use tokio::task::JoinHandle;

use crate::isolated::NAME;
use crate::isolated::rabbitmq::{DAY, quiet_log};

/// The HTTP server of the order service, with the same limits.
pub struct HttpServer {
    /// The port on 127.0.0.1.
    pub port: u16,
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

#[derive(Clone)]
struct ServerState {
    last: Arc<AtomicU32>,
    tokens: OrderTokenKey,
}

/// The order service's response.
#[derive(Serialize)]
struct Placed {
    order_number: OrderNumber,
    status: OrderStatus,
    total_amount: Money,
}

impl HttpServer {
    /// Starts the server in its own threads.
    pub fn open() -> Result<Self> {
        let tokens = OrderTokenKey::new(NAME.as_bytes())
            .with_context(|| format!("'{NAME}' is no key for order tokens"))?;
        let state = ServerState { last: Arc::default(), tokens };
        let listener = server::listen(Ipv4Addr::LOCALHOST.into(), 0)?;
        let port = listener.local_addr().context("cannot listen")?.port();
        let routes = move |app: &mut web::ServiceConfig| {
            app.app_data(web::Data::new(state))
                .route("/orders", web::post().to(place))
                .route("/health", web::get().to(health::live));
        };
        let (log, _flush) = quiet_log();
        let (handle, server) = server::start(listener, &Http::default(), &Web::default(), &log, routes)
            .context("cannot serve")?;
        Ok(Self { port, handle, task: tokio::spawn(server) })
    }

    /// Stops the server.
    pub async fn close(self) {
        self.handle.stop(false).await;
        // The measurement counts, however the server ends.
        let _ = self.task.await;
    }
}

async fn place(request: HttpRequest, body: web::Payload, state: web::Data<ServerState>) -> HttpResponse {
    let id = request_id::of(&request);
    let body = match read_json(&request, body, &id).await {
        Ok(body) => body,
        Err(problem) => return HttpResponse::from_error(problem),
    };
    let Ok(order) = place_order::parse(&body) else { return HttpResponse::BadRequest().finish() };
    let number = OrderNumber::new(DAY, state.last.fetch_add(1, Ordering::Relaxed) + 1);
    let placed =
        Placed { order_number: number, status: OrderStatus::Received, total_amount: order.total_amount };
    let identity = OrderIdentity::new(0, rand::random());
    let token = state.tokens.token(&number, &identity);
    HttpResponse::Ok().insert_header(("x-order-token", token)).json(placed)
}
