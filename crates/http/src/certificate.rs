//! The certificate of the server: read at the start, and again when it changes.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use logging::{Log, action};
use tls::Files;
use tls::server::Certificate;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at. A new certificate is used from the next connection on.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// The certificate that the configuration names; `None` if the server speaks without TLS. One that
/// is not valid now is used and told of: no client would say why it refuses it.
///
/// # Errors
/// The files cannot be used.
pub(crate) fn read(settings: &config::Http, log: &Log) -> io::Result<Option<Arc<Certificate>>> {
    let certificate = Certificate::read(Files::from(settings)).map_err(invalid)?;
    if let Some(Err(why)) = certificate.as_ref().map(|certificate| certificate.check()) {
        let message = format!("Clients refuse this service: {why}");
        log.error(action::CERTIFICATE_NOT_VALID, message, &why).emit();
    }
    Ok(certificate)
}

/// What agrees with clients on TLS.
///
/// # Errors
/// TLS cannot be set up.
pub(crate) fn acceptor(certificate: &Arc<Certificate>) -> io::Result<TlsAcceptor> {
    let config = certificate.server_config().map_err(invalid)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn invalid(why: tls::FilesError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Reads changed files again while it is polled. While they cannot be used, the last pair stays.
pub(crate) async fn watch(certificate: Option<&Certificate>, log: &Log) -> Infallible {
    let Some(certificate) = certificate else { return std::future::pending().await };
    let mut last_failure = String::new();
    loop {
        sleep(LOOK_INTERVAL).await;
        match certificate.refresh() {
            Ok(false) => {}
            Ok(true) => {
                last_failure.clear();
                let message = "The changed certificate is used for new connections";
                log.info(action::CERTIFICATE_CHANGED, message).emit();
            }
            Err(why) => {
                let failure = why.to_string();
                if failure != last_failure {
                    let message = "The changed certificate cannot be used; the last one stays in use";
                    log.error(action::CERTIFICATE_REFUSED, message, &why).emit();
                    last_failure = failure;
                }
            }
        }
    }
}
