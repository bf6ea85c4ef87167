//! How a program connects to a server over TLS.
//!
//! The files are looked at before each connection, and read again after a change. While changed
//! files cannot be used, the last ones that could are. So a certificate changes without a restart,
//! and a file that is half written costs nothing. Nor does a certificate that is not valid now.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use config::TlsMode;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::files::{Files, FilesError, Section, Stamp};
use crate::provider::provider;
use crate::server_certificates::Noting;
use crate::verifier::{AnyName, Anybody};
use crate::{measured, pem, validity};

/// Most configurations that are kept. A service has one for each server; tests have more.
const MOST_KEPT: usize = 32;

/// A configuration, and how its files looked.
struct Kept {
    files: Files,
    stamps: [Option<Stamp>; 3],
    config: Arc<ClientConfig>,
    /// The certificate that it shows.
    pair: Option<Arc<CertifiedKey>>,
    /// Whether they have changed, and nobody was told.
    has_changed: bool,
}

/// What became of files that have changed.
#[derive(Debug)]
pub struct Change {
    /// Which connections use them.
    pub section: Section,
    /// Whether they are used now.
    pub outcome: Result<(), FilesError>,
}

/// Those of this process. Connections to one server share theirs, and so the tickets that spare
/// them a whole handshake.
static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// How to connect over TLS now; `None` without TLS.
///
/// # Errors
/// The files cannot be used, and could not before.
pub fn current(files: &Files) -> Result<Option<Arc<ClientConfig>>, FilesError> {
    if files.mode == TlsMode::Disable {
        return Ok(None);
    }
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = all.iter_mut().find(|kept| kept.files == *files) {
        // If the new ones cannot be used, the last ones are; `refresh` tells of it.
        let _ = kept.refresh();
        return Ok(Some(Arc::clone(&kept.config)));
    }
    // Before they are read: a change in between is noticed the next time.
    let stamps = files.stamps();
    let pair = pem::pair(files)?;
    let config = Arc::new(load(files, pair.clone())?);
    if let Some(pair) = &pair {
        measured::own(files.section, pair);
    }
    if all.len() == MOST_KEPT {
        all.remove(0);
    }
    let kept = Kept { files: files.clone(), stamps, config: Arc::clone(&config), pair, has_changed: false };
    all.push(kept);
    Ok(Some(config))
}

/// Looks at the files of all connections of this process, and tells which have changed since the
/// last call.
pub fn refresh() -> Vec<Change> {
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    all.iter_mut()
        .filter_map(|kept| {
            let outcome = kept.refresh();
            let is_news = std::mem::take(&mut kept.has_changed) || outcome.is_err();
            is_news.then_some(Change { section: kept.files.section, outcome })
        })
        .collect()
}

impl Kept {
    /// Reads the files again, if they have changed.
    fn refresh(&mut self) -> Result<(), FilesError> {
        let stamps = self.files.stamps();
        if self.stamps == stamps {
            return Ok(());
        }
        let pair = pem::pair(&self.files)?;
        if let (Some(changed), Some(last)) = (&pair, &self.pair) {
            validity::may_replace(&self.files, changed, last)?;
        }
        self.config = Arc::new(load(&self.files, pair.clone())?);
        if let Some(pair) = &pair {
            measured::own(self.files.section, pair);
        }
        (self.pair, self.stamps, self.has_changed) = (pair, stamps, true);
        Ok(())
    }
}

/// Agrees on TLS with this host, as [`current`] says how.
///
/// # Errors
/// It is no name or address, or the handshake failed.
pub async fn connect(
    config: Arc<ClientConfig>,
    host: &str,
    tcp: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, tcp).await
}

/// Agrees on TLS with whatever answers, without looking at its certificate. Only for who tells it
/// no secret: a service that asks itself, or one that asks whether TLS is spoken there.
///
/// # Errors
/// What answers there does not speak TLS, or broke off.
pub async fn unverified(tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::IpAddress(tcp.peer_addr()?.ip().into());
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody::new()))
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

fn load(files: &Files, pair: Option<Arc<CertifiedKey>>) -> Result<ClientConfig, FilesError> {
    let checks: Arc<dyn ServerCertVerifier> = match (files.mode, roots(files)?) {
        (TlsMode::VerifyFull, Some(roots)) => checked_by(roots, files)?,
        (_, Some(roots)) => Arc::new(AnyName(checked_by(roots, files)?)),
        (_, None) => Arc::new(Anybody::new()),
    };
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(FilesError::Setup)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Noting { section: files.section, checks }));
    Ok(match pair {
        Some(pair) => config.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(pair))),
        None => config.with_no_client_auth(),
    })
}

fn checked_by(roots: RootCertStore, files: &Files) -> Result<Arc<WebPkiServerVerifier>, FilesError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        // It has no other reason, since no list of revoked certificates is given.
        .map_err(|_| FilesError::NoSystemRoots { setting: files.section.ca() })
}

/// The authorities that are trusted; `None` if every certificate is accepted.
fn roots(files: &Files) -> Result<Option<RootCertStore>, FilesError> {
    let mut roots = RootCertStore::empty();
    match &files.ca {
        Some(path) => {
            let setting = files.section.ca();
            for certificate in pem::certificates(path, setting)? {
                let added = roots.add(certificate);
                added.map_err(|why| FilesError::Unusable { setting, path: path.clone(), why })?;
            }
        }
        None if files.mode == TlsMode::VerifyFull => {
            // What this system has and cannot be read is not trusted, and no reason to trust none.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        None => return Ok(None),
    }
    Ok(Some(roots))
}
