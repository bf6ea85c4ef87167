//! The certificate of a private server.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::credentials::write_private;

/// What a private server needs to speak TLS: files, which are copied.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// Its certificate (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
    /// The authorities (PEM) that sign its clients' certificates, if it asks for any.
    pub clients: Option<PathBuf>,
}

/// The names of the copies.
pub(crate) const CERTIFICATE: &str = "tls-certificate.pem";
pub(crate) const KEY: &str = "tls-key.pem";
pub(crate) const CLIENTS: &str = "tls-clients.pem";

impl ServerTls {
    /// Copies the files into the folder of a server. The key is for its owner only: `PostgreSQL`
    /// reads no other.
    pub(crate) fn copy_to(&self, folder: &Path) -> Result<(), Error> {
        let files = [
            (Some(&self.certificate), CERTIFICATE),
            (Some(&self.key), KEY),
            (self.clients.as_ref(), CLIENTS),
        ];
        for (from, name) in files {
            let Some(from) = from else { continue };
            let text = fs::read_to_string(from).map_err(Error::file("read", from))?;
            write_private(&folder.join(name), &text)?;
        }
        Ok(())
    }
}
