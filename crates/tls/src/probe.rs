//! What a server that hung up says to whoever asks again.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::client;
use crate::files::Files;
use crate::refusal::Refusal;

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

/// Whether the other side ended a connection without a word.
pub fn hung_up(why: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(why.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// Why a server hangs up on a client with these files. In TLS 1.3 a server refuses a certificate
/// when the client already speaks (RFC 8446, section 4.4.2.4), and its reason is lost if what the
/// client says arrives at a closed socket. So this agrees on TLS and says nothing. `host` is the
/// name that the certificate must be for, `tcp` leads to where the handshake begins. `None`: the
/// server gave no reason within `limit`.
pub async fn why_it_hung_up(
    files: &Files,
    host: &str,
    tcp: impl Future<Output = io::Result<TcpStream>>,
    limit: Duration,
) -> Option<Refusal> {
    let config = client::current(files).ok()??;
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let asked = async {
        let mut stream = TlsConnector::from(config).connect(name, tcp.await?).await?;
        stream.read(&mut [0]).await
    };
    Refusal::of(&timeout(limit, asked).await.ok()?.err()?)
}
