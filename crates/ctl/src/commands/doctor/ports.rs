//! Checks the ports of the HTTP services.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use runtime::http_client::{Request, send_to};
use tokio::net::TcpListener;

use crate::view::verdict::Verdict;

/// Longest wait for a response. Our services answer at once, or within 4 s if their servers do not.
const LIMIT: Duration = Duration::from_secs(5);

/// Tries to listen on the port.
pub async fn check(check: String, address: IpAddr, port: u16) -> Verdict {
    let address = SocketAddr::new(address, port);
    match TcpListener::bind(address).await {
        Ok(_) => Verdict::ok(check, format!("{address} is free")),
        Err(why) if why.kind() == ErrorKind::AddrInUse => match service_at(address).await {
            Some(name) => Verdict::warn(
                check,
                format!("{name} listens on {address} already"),
                "nothing, if that is meant; a second one needs another --port",
            ),
            None => Verdict::fail(
                check,
                format!("another program listens on {address}"),
                "stop it, or start the service with another --port",
            ),
        },
        Err(why) => Verdict::fail(
            check,
            format!("cannot listen on {address}: {why}"),
            "choose another --port, or another http.bind",
        ),
    }
}

/// The name of our service that answers at this address.
async fn service_at(address: SocketAddr) -> Option<String> {
    let health = send_to(address, &Request::get("/health"), LIMIT).await.ok()?;
    let health: serde_json::Value = serde_json::from_str(&health.body).ok()?;
    Some(health.get("service")?.as_str()?.to_owned())
}
