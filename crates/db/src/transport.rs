//! How the bytes of a connection travel: as they are, or over TLS.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tls::Files;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{CancelToken, Client, Config, Connection, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connect_error::ConnectError;

/// How long a server that hung up is asked why.
const PROBE_LIMIT: Duration = Duration::from_secs(2);
/// How a client asks for TLS, and the answer of who speaks it (PostgreSQL, `SSLRequest`).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const YES: u8 = b'S';

/// How connections to a server are opened.
#[derive(Clone)]
pub(crate) enum Transport {
    Plain,
    Tls(MakeRustlsConnect),
}

impl Transport {
    /// As the files say now: a certificate may change while a service runs.
    pub(crate) fn of(files: &Files) -> Result<Self, ConnectError> {
        Ok(match tls::client::current(files)? {
            // The copy shares the sessions that were agreed upon before.
            Some(config) => Self::Tls(MakeRustlsConnect::new((*config).clone())),
            None => Self::Plain,
        })
    }

    /// Settings for a connection to a server of this name, whose address is known already.
    pub(crate) fn prepare(&self, settings: &mut Config, host: &str) {
        if let Self::Tls(_) = self {
            // With an address beside it, the name is only what the certificate must be for.
            settings.host(host).ssl_mode(SslMode::Require);
        }
    }

    /// Opens a connection. A task drives it; aborting that task ends it.
    pub(crate) async fn connect(&self, settings: &Config) -> Result<(Client, JoinHandle<()>), Error> {
        match self {
            Self::Plain => {
                let (client, connection) = settings.connect(NoTls).await?;
                Ok((client, drive(connection)))
            }
            Self::Tls(tls) => {
                let (client, connection) = settings.connect(tls.clone()).await?;
                Ok((client, drive(connection)))
            }
        }
    }

    /// Asks the server to cancel the statement of a connection.
    pub(crate) async fn cancel(&self, statement: &CancelToken) -> Result<(), Error> {
        match self {
            Self::Plain => statement.cancel_query(NoTls).await,
            Self::Tls(tls) => statement.cancel_query(tls.clone()).await,
        }
    }
}

/// Why a connection over TLS could not be opened. A server that hung up is asked again.
pub(crate) async fn why_not(why: Error, files: &Files, host: &str, address: SocketAddr) -> ConnectError {
    let cause = why.source().and_then(<dyn std::error::Error>::downcast_ref::<io::Error>);
    if cause.map_or_else(|| why.is_closed(), tls::hung_up) {
        let asked = tls::why_it_hung_up(files, host, agreed_on_tls(address), PROBE_LIMIT).await;
        if let Some(refusal) = asked {
            return ConnectError::Tls(refusal);
        }
    }
    ConnectError::of(why)
}

/// A connection on which the handshake of TLS comes next.
async fn agreed_on_tls(address: SocketAddr) -> io::Result<TcpStream> {
    let mut tcp = TcpStream::connect(address).await?;
    tcp.write_all(&SSL_REQUEST).await?;
    if tcp.read_u8().await? == YES { Ok(tcp) } else { Err(io::ErrorKind::Unsupported.into()) }
}

/// Its errors reach whoever waits for an answer. Dropping the client ends it.
fn drive<S, T>(connection: Connection<S, T>) -> JoinHandle<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async { drop(connection.await) })
}
