//! When certificates are valid.

use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::CertifiedKey;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::time::Validity;

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
    validity(certificate).map(|validity| validity.not_after.to_unix_duration())
}

/// Whether the certificate that these files name is valid now; also if they name none.
///
/// # Errors
/// It has expired or is not valid yet, or the files cannot be used.
pub fn check_certificate(files: &Files) -> Result<(), FilesError> {
    match pem::pair(files)? {
        Some(pair) => is_valid_now(files, &pair),
        None => Ok(()),
    }
}

/// Whether the pair that these files name now may be used instead of the last one. A pair that
/// nobody accepts yet, or any more, must not replace one that everybody does.
///
/// # Errors
/// It has expired or is not valid yet, and the last one is valid.
pub(crate) fn may_replace(
    files: &Files,
    changed: &CertifiedKey,
    last: &CertifiedKey,
) -> Result<(), FilesError> {
    if is_valid_now(files, last).is_err() {
        return Ok(());
    }
    is_valid_now(files, changed)
}

/// Whether this pair, which these files name or named, is valid now. One that cannot be read counts
/// as valid.
///
/// # Errors
/// It has expired or is not valid yet.
pub(crate) fn is_valid_now(files: &Files, pair: &CertifiedKey) -> Result<(), FilesError> {
    let now = Duration::from_secs(UnixTime::now().as_secs());
    let Some(Validity { not_before: start, not_after: end }) = pair.cert.first().and_then(validity) else {
        return Ok(());
    };
    let (setting, path) = (files.section.cert(), files.cert.clone().unwrap_or_default());
    if now < start.to_unix_duration() {
        Err(FilesError::NotYetValid { setting, path, start })
    } else if now >= end.to_unix_duration() {
        Err(FilesError::Expired { setting, path, end })
    } else {
        Ok(())
    }
}

/// From when to when this certificate is valid; `None` if it cannot be read.
fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    Some(Certificate::from_der(certificate).ok()?.tbs_certificate.validity)
}
