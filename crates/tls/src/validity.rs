//! When certificates end.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::files::{Files, FilesError};
use crate::pem;

/// When the certificate that these files name ends, counted from 1970; `None` if they name none.
///
/// # Errors
/// The files cannot be used.
pub fn certificate_ends(files: &Files) -> Result<Option<Duration>, FilesError> {
    let pair = pem::pair(files)?;
    Ok(pair.and_then(|pair| pair.cert.first().and_then(end)))
}

/// When this certificate ends, counted from 1970; `None` if it cannot be read.
pub(crate) fn end(certificate: &CertificateDer<'_>) -> Option<Duration> {
    let certificate = Certificate::from_der(certificate).ok()?;
    Some(certificate.tbs_certificate.validity.not_after.to_unix_duration())
}
