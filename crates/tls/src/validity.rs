//! When certificates are valid.

use std::ops::Range;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::CertifiedKey;
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
    period(certificate).map(|period| period.end)
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
    let now = Duration::from_secs(UnixTime::now().as_secs());
    let period_of = |pair: &CertifiedKey| pair.cert.first().and_then(period);
    let Some(changed) = period_of(changed) else { return Ok(()) };
    if changed.contains(&now) || period_of(last).is_none_or(|last| !last.contains(&now)) {
        return Ok(());
    }
    let (setting, path) = (files.section.cert(), files.cert.clone().unwrap_or_default());
    if now < changed.start {
        Err(FilesError::NotYetValid { setting, path })
    } else {
        Err(FilesError::Expired { setting, path })
    }
}

/// From when to when this certificate is valid, counted from 1970; `None` if it cannot be read.
fn period(certificate: &CertificateDer<'_>) -> Option<Range<Duration>> {
    let validity = Certificate::from_der(certificate).ok()?.tbs_certificate.validity;
    Some(validity.not_before.to_unix_duration()..validity.not_after.to_unix_duration())
}
