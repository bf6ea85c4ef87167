//! How the bytes of a connection travel: as they are, or over TLS.

use tls::Files;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{CancelToken, Client, Config, Connection, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connect_error::ConnectError;

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

/// Its errors reach whoever waits for an answer. Dropping the client ends it.
fn drive<S, T>(connection: Connection<S, T>) -> JoinHandle<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async { drop(connection.await) })
}
