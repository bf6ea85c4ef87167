//! Whether a server that hung up speaks TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::provider::provider;
use crate::verifier::Anybody;

/// Whether what listens at this address speaks TLS, to explain a connection without TLS that it
/// did not answer. It is shown no password. No answer within `limit` counts as no.
pub async fn speaks_tls(address: SocketAddr, limit: Duration) -> bool {
    let Some(config) = config() else { return false };
    let asked = async {
        let tcp = TcpStream::connect(address).await?;
        let name = ServerName::IpAddress(address.ip().into());
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map(drop)
    };
    timeout(limit, asked).await.is_ok_and(|answered| is_tls(&answered))
}

fn config() -> Option<ClientConfig> {
    let config =
        ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().ok()?;
    let verifier = Arc::new(Anybody::new());
    Some(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// An alert is TLS too: the server may demand a certificate.
fn is_tls(answered: &io::Result<()>) -> bool {
    let Err(why) = answered else { return true };
    let why = why.get_ref().and_then(|why| why.downcast_ref::<rustls::Error>());
    matches!(why, Some(rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_)))
}
