//! Reads certificates and private keys.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::files::{Files, FilesError};
use crate::provider::provider;

/// The largest file, in bytes. That of all authorities of a system has 220 kB.
const MAX_BYTES: u64 = 1 << 20;

fn read(path: &Path, setting: &'static str) -> Result<Vec<u8>, FilesError> {
    let mut bytes = Vec::new();
    let unreadable = |why| FilesError::Unreadable { setting, path: path.to_owned(), why };
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err(FilesError::TooLarge { setting, path: path.to_owned() });
    }
    Ok(bytes)
}

/// The certificates of a file: at least one.
pub(crate) fn certificates(
    path: &Path,
    setting: &'static str,
) -> Result<Vec<CertificateDer<'static>>, FilesError> {
    let bytes = read(path, setting)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(FilesError::NotPem {
            setting,
            path: path.to_owned(),
            wanted: "certificate",
            beginning: "'-----BEGIN CERTIFICATE-----'",
        }),
    }
}

fn key(path: &Path, setting: &'static str) -> Result<PrivateKeyDer<'static>, FilesError> {
    PrivateKeyDer::from_pem_slice(&read(path, setting)?).map_err(|_| FilesError::NotPem {
        setting,
        path: path.to_owned(),
        wanted: "private key",
        beginning: "'-----BEGIN PRIVATE KEY-----' and has no passphrase",
    })
}

/// The certificate that these files name, with its key; `None` if they name none.
pub(crate) fn pair(files: &Files) -> Result<Option<Arc<CertifiedKey>>, FilesError> {
    let Some((cert, key_path)) = files.pair()? else { return Ok(None) };
    let chain = certificates(cert, files.section.cert())?;
    let key = key(key_path, files.section.key())?;
    let unusable = |setting, path: &Path, why| FilesError::Unusable { setting, path: path.to_owned(), why };
    match CertifiedKey::from_der(chain, key, &provider()) {
        Ok(pair) => Ok(Some(Arc::new(pair))),
        Err(rustls::Error::InconsistentKeys(_)) => {
            let (cert_setting, key_setting) = (files.section.cert(), files.section.key());
            let (cert, key) = (cert.to_owned(), key_path.to_owned());
            Err(FilesError::WrongKey { cert_setting, key_setting, cert, key })
        }
        Err(why @ rustls::Error::InvalidCertificate(_)) => Err(unusable(files.section.cert(), cert, why)),
        Err(why) => Err(unusable(files.section.key(), key_path, why)),
    }
}
