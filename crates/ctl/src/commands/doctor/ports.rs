//! Checks the ports that services listen on.

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use runtime::http_client::{Request, Response, exchange_on};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::view::verdict::Verdict;

/// Longest wait for a response. Our services answer at once, or within 4 s if their servers do not.
const LIMIT: Duration = Duration::from_secs(5);

/// Where port and address of a listener are set.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    port: &'static str,
    bind: &'static str,
    /// Whether our services speak TLS there.
    over_tls: bool,
}

/// Of the HTTP interface of a service.
pub fn public(http: &config::Http) -> Settings {
    Settings { port: "--port", bind: "http.bind", over_tls: http.tls_cert.is_some() }
}

/// Of the admin listener.
pub const ADMIN: Settings =
    Settings { port: "admin.port (ADMIN_PORT)", bind: "admin.bind (ADMIN_BIND)", over_tls: false };

/// Tries to listen on the port.
pub async fn check(
    check: impl Into<Cow<'static, str>>,
    address: SocketAddr,
    Settings { port, bind, over_tls }: Settings,
) -> Verdict {
    match TcpListener::bind(address).await {
        Ok(_) => Verdict::ok(check, format!("{address} is free")),
        Err(why) if why.kind() == ErrorKind::AddrInUse => match service_at(address, over_tls).await {
            Some(name) => Verdict::warn(
                check,
                format!("{name} listens on {address} already"),
                format!("nothing, if that is meant; a second one needs another {port}"),
            ),
            None => Verdict::fail(
                check,
                format!("another program listens on {address}"),
                format!("stop it, or start the service with another {port}"),
            ),
        },
        Err(why) => Verdict::fail(
            check,
            format!("cannot listen on {address}: {why}"),
            format!("choose another {port}, or another {bind}"),
        ),
    }
}

/// Checks the port of the admin listener. No service may want it for its HTTP interface.
pub async fn check_admin(settings: &config::Admin, public: &[SocketAddr]) -> Verdict {
    let address = SocketAddr::new(settings.bind, settings.port);
    if public.iter().any(|other| other.port() == address.port()) {
        return Verdict::fail(
            "admin_port",
            format!("{} is the --port of a service as well", address.port()),
            format!("choose another {}", ADMIN.port),
        );
    }
    check("admin_port", address, ADMIN).await
}

/// The name of our service that answers at this address.
async fn service_at(address: SocketAddr, over_tls: bool) -> Option<String> {
    let health = timeout(LIMIT, ask(address, over_tls)).await.ok()?.ok()?;
    let health: serde_json::Value = serde_json::from_str(&health.body).ok()?;
    Some(health.get("service")?.as_str()?.to_owned())
}

async fn ask(address: SocketAddr, over_tls: bool) -> io::Result<Response> {
    let (tcp, request) = (TcpStream::connect(address).await?, Request::get("/health"));
    if over_tls {
        exchange_on(tls::client::unverified(tcp).await?, address, &request).await
    } else {
        exchange_on(tcp, address, &request).await
    }
}
