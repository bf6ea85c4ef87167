//! When the certificates of the servers end, as they showed them to this process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use crate::files::Section;
use crate::{measured, validity};

/// The end of the certificate that the server of a section showed last.
static ENDS: Mutex<Vec<(Section, Duration)>> = Mutex::new(Vec::new());

/// When the certificate ends that the server of this section showed last, counted from 1970; `None`
/// if it has shown none.
pub fn server_certificate_ends(section: Section) -> Option<Duration> {
    let ends = ENDS.lock().unwrap_or_else(PoisonError::into_inner);
    ends.iter().find(|(known, _)| *known == section).map(|(_, end)| *end)
}

fn note(section: Section, end: Duration) {
    measured::of_server(section, end);
    let mut ends = ENDS.lock().unwrap_or_else(PoisonError::into_inner);
    ends.retain(|(known, _)| *known != section);
    ends.push((section, end));
}

/// Checks as another one does, and notes when the certificate ends.
#[derive(Debug)]
pub(crate) struct Noting {
    pub(crate) section: Section,
    pub(crate) checks: Arc<dyn ServerCertVerifier>,
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let checked =
            self.checks.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        if let Some(end) = validity::end(end_entity) {
            note(self.section, end);
        }
        Ok(checked)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.checks.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.checks.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.checks.supported_verify_schemes()
    }
}
