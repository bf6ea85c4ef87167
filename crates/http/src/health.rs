//! Probes: `/livez` (the process runs), `/readyz` (it can serve), `/health` (the state of its
//! dependencies, for people).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use deadlines::http::PROBE_DEADLINE;
use domain::timestamp::Timestamp;
use runtime::reachable;
use serde::Serialize;
use serde_json::{Map, Value};
use telemetry::Build;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::listener::is_without_ipv6;
use crate::openapi::one_of;
use crate::resource::readable;

/// The result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// The dependency, such as `database`.
    pub name: &'static str,
    /// Whether it works.
    pub healthy: bool,
    /// Whether the service can serve without it. Its failure then only degrades the service.
    pub dispensable: bool,
}

impl Check {
    /// The check of a dependency without which the service cannot serve.
    pub fn needed(name: &'static str, healthy: bool) -> Self {
        Self { name, healthy, dispensable: false }
    }

    fn word(self) -> &'static str {
        match self {
            Self { healthy: true, .. } => "healthy",
            Self { dispensable: true, .. } => "degraded",
            _ => "unhealthy",
        }
    }
}

/// What a service finds out before it answers `/readyz` or `/health`.
pub type Checks<'a> = Pin<Box<dyn Future<Output = Vec<Check>> + Send + 'a>>;

/// What the probes of a service look at.
pub trait Health: Send + Sync + 'static {
    /// Looks at it now. It takes no longer than `deadlines::http::CHECK_DEADLINE` for each check.
    fn checks(&self) -> Checks<'_>;
}

/// The three probes of a service, which is called so in their answers.
pub fn routes(app: &mut web::ServiceConfig, service: &'static str, health: &Arc<dyn Health>) {
    let (state, readiness) = (Arc::clone(health), Arc::clone(health));
    app.service(readable("/health", move || show(service, Arc::clone(&state))))
        .service(readable("/readyz", move || ready(service, Arc::clone(&readiness))))
        .service(readable("/livez", live));
}

/// Whether a path is that of a probe.
pub(crate) fn is_probe(path: &str) -> bool {
    ["/livez", "/readyz", "/health"].contains(&path)
}

/// The paths of the probes.
#[derive(utoipa::OpenApi)]
#[openapi(paths(show, ready, live))]
pub(crate) struct Probes;

/// The state of the service and of what it needs
#[utoipa::path(
    get, path = "/health", tag = "Probes", operation_id = "health",
    responses(
        (status = 200, description = "It serves, perhaps less than usual", body = Report),
        (status = 503, description = "It cannot serve", body = Report),
    ),
)]
async fn show(service: &'static str, health: Arc<dyn Health>) -> HttpResponse {
    report(service, &health.checks().await, Some(Build::of_this_program()))
}

/// Can it serve?
#[utoipa::path(
    get, path = "/readyz", tag = "Probes", operation_id = "readyz",
    responses(
        (status = 200, description = "It can", body = Report),
        (status = 503, description = "It cannot", body = Report),
    ),
)]
async fn ready(service: &'static str, health: Arc<dyn Health>) -> HttpResponse {
    report(service, &health.checks().await, None)
}

#[derive(Serialize, ToSchema)]
#[schema(as = HealthReport)]
struct Report {
    /// Of all that it needs, the worst.
    #[schema(schema_with = states)]
    status: &'static str,
    timestamp: Timestamp,
    service: &'static str,
    /// The state of each thing that it needs.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    checks: Map<String, Value>,
    /// The version of the program; in `/health` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    /// The revision of its sources, or `unknown`; in `/health` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'static str>,
}

fn states() -> Object {
    one_of(["healthy", "degraded", "unhealthy"])
}

/// The response of `/health` and `/readyz`: 503 if a check is unhealthy, else 200, also if one is
/// degraded.
fn report(service: &'static str, checks: &[Check], build: Option<Build>) -> HttpResponse {
    let words: Vec<&str> = checks.iter().map(|check| check.word()).collect();
    let worst = ["unhealthy", "degraded"].into_iter().find(|word| words.contains(word));
    let status = worst.unwrap_or("healthy");
    let body = Report {
        status,
        timestamp: now(),
        service,
        checks: checks.iter().map(|check| (check.name.to_owned(), check.word().into())).collect(),
        version: build.map(|build| build.version),
        revision: build.map(|build| build.revision),
    };
    let serves = status != "unhealthy";
    let mut response = if serves { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}

/// Does the process run?
#[utoipa::path(
    get, path = "/livez", tag = "Probes", operation_id = "livez",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain", example = json!("ok\n"))),
)]
pub async fn live() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/plain")
        .body("ok\n")
}

#[expect(clippy::disallowed_methods, reason = "tells when the check was made, on the machine that made it")]
fn now() -> Timestamp {
    time::OffsetDateTime::now_utc().into()
}

/// Asks the service on this machine whether it is ready: the `--healthcheck` of HTTP services. It
/// asks the bound address. For a service on all addresses it asks the loopback of IPv6, and that of
/// IPv4 only without IPv6.
///
/// # Errors
/// The service is not ready. The text says why.
pub async fn probe(http: &config::Http, port: u16) -> Result<(), String> {
    probe_at(http.bind, port, http.tls_cert.is_some()).await
}

/// As [`probe`], at the admin listener, which speaks without TLS.
///
/// # Errors
/// The service is not ready. The text says why.
pub async fn probe_admin(admin: &config::Admin) -> Result<(), String> {
    probe_at(admin.bind, admin.port, false).await
}

async fn probe_at(bind: IpAddr, port: u16, over_tls: bool) -> Result<(), String> {
    let mut address = SocketAddr::new(reachable(bind), port);
    let ask = async {
        let connected = TcpStream::connect(address).await;
        let stream = match connected {
            Err(why) if bind == Ipv6Addr::UNSPECIFIED && is_without_ipv6(&why) => {
                address.set_ip(Ipv4Addr::LOCALHOST.into());
                TcpStream::connect(address).await?
            }
            connected => connected?,
        };
        if over_tls { exchange(tls::client::unverified(stream).await?).await } else { exchange(stream).await }
    };
    let answered = timeout(PROBE_DEADLINE, ask).await;
    match answered {
        Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200") => Ok(()),
        Ok(Ok(answer)) => {
            let body = answer.split_once("\r\n\r\n").map_or(answer.as_str(), |(_, body)| body);
            Err(format!("the service at {address} is not ready: {}", body.trim()))
        }
        Ok(Err(why)) => Err(format!("no service answers at {address}: {why}")),
        Err(_) => Err(format!("the service at {address} did not answer in time")),
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<String> {
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    stream.flush().await?;
    let mut answer = String::new();
    stream.take(16_384).read_to_string(&mut answer).await?;
    Ok(answer)
}
