//! Checks the ports that services listen on.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use runtime::http_client::{Request, send_to};
use tokio::net::TcpListener;

use crate::view::verdict::Verdict;

/// Longest wait for a response. Our services answer at once, or within 4 s if their servers do not.
const LIMIT: Duration = Duration::from_secs(5);

/// Where port and address of a listener are set.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    port: &'static str,
    bind: &'static str,
}

/// Of the HTTP interface of a service.
pub const PUBLIC: Settings = Settings { port: "--port", bind: "http.bind" };
/// Of the admin listener.
pub const ADMIN: Settings = Settings { port: "admin.port (ADMIN_PORT)", bind: "admin.bind (ADMIN_BIND)" };

/// Tries to listen on the port.
pub async fn check(
    check: impl Into<Cow<'static, str>>,
    address: SocketAddr,
    Settings { port, bind }: Settings,
) -> Verdict {
    match TcpListener::bind(address).await {
        Ok(_) => Verdict::ok(check, format!("{address} is free")),
        Err(why) if why.kind() == ErrorKind::AddrInUse => match service_at(address).await {
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
async fn service_at(address: SocketAddr) -> Option<String> {
    let health = send_to(address, &Request::get("/health"), LIMIT).await.ok()?;
    let health: serde_json::Value = serde_json::from_str(&health.body).ok()?;
    Some(health.get("service")?.as_str()?.to_owned())
}
