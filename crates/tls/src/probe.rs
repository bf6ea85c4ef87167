//! Whether a server that hung up speaks TLS.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client;

/// Whether what listens at this address speaks TLS, to explain a connection without TLS that it
/// did not answer. It is shown no password. No answer within `limit` counts as no.
pub async fn speaks_tls(address: SocketAddr, limit: Duration) -> bool {
    let asked = async { client::unverified(TcpStream::connect(address).await?).await.map(drop) };
    timeout(limit, asked).await.is_ok_and(|answered| is_tls(&answered))
}

/// An alert is TLS too: the server may demand a certificate.
fn is_tls(answered: &io::Result<()>) -> bool {
    let Err(why) = answered else { return true };
    let why = why.get_ref().and_then(<dyn Error + Send + Sync>::downcast_ref::<rustls::Error>);
    matches!(why, Some(rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_)))
}
