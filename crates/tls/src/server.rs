//! The certificate of a server, which changes without a restart.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::files::{Files, FilesError, Stamp};
use crate::provider::provider;
use crate::{measured, pem, validity};

/// The certificate and the key that new connections get.
pub struct Certificate {
    files: Files,
    pair: RwLock<Arc<CertifiedKey>>,
    /// How the files looked when the pair was read.
    stamps: Mutex<[Option<Stamp>; 3]>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.pair.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Certificate {
    /// Reads the files; `None` if none are named.
    ///
    /// # Errors
    /// They cannot be used.
    pub fn read(files: Files) -> Result<Option<Arc<Self>>, FilesError> {
        let stamps = files.stamps();
        let Some(pair) = pem::pair(&files)? else { return Ok(None) };
        measured::own(files.section, &pair);
        Ok(Some(Arc::new(Self { files, pair: RwLock::new(pair), stamps: Mutex::new(stamps) })))
    }

    /// Whether it is valid now.
    ///
    /// # Errors
    /// It has expired or is not valid yet.
    pub fn check(&self) -> Result<(), FilesError> {
        let pair = Arc::clone(&self.pair.read().unwrap_or_else(PoisonError::into_inner));
        validity::is_valid_now(&self.files, &pair)
    }

    /// Reads the files again if they have changed, and says whether there is a new pair. If they
    /// cannot be used, the last one stays, and the next call looks at them again.
    ///
    /// # Errors
    /// They have changed and cannot be used. So it is with a certificate that has expired or is not
    /// valid yet, as long as the last one is valid.
    pub fn refresh(&self) -> Result<bool, FilesError> {
        // Before they are read: a change in between is noticed the next time.
        let stamps = self.files.stamps();
        let mut known = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == stamps {
            return Ok(false);
        }
        if let Some(pair) = pem::pair(&self.files)? {
            let last = Arc::clone(&self.pair.read().unwrap_or_else(PoisonError::into_inner));
            validity::may_replace(&self.files, &pair, &last)?;
            measured::own(self.files.section, &pair);
            *self.pair.write().unwrap_or_else(PoisonError::into_inner) = pair;
        }
        *known = stamps;
        Ok(true)
    }

    /// How a server answers with it: HTTP/1.1 over TLS 1.2 or 1.3.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, FilesError> {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(FilesError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}
