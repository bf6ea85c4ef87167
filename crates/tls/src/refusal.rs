//! Why a connection over TLS did not come about, and what to do about it.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, InvalidMessage};

use crate::files::Section;

/// Why there is no connection over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The server speaks no TLS.
    NoTls,
    /// The server speaks nothing else, and was asked without.
    TlsDemanded,
    /// Its certificate is signed by nobody who is trusted here.
    UnknownAuthority,
    /// Its certificate has expired.
    Expired,
    /// Its certificate is not valid yet.
    NotYetValid,
    /// Its certificate is for other names.
    WrongName {
        /// The name that was asked for.
        expected: String,
        /// Those that the certificate is for.
        found: Vec<String>,
    },
    /// Something else is wrong with its certificate.
    BadCertificate(String),
    /// The server demands a certificate, and was shown none.
    CertificateDemanded,
    /// The server does not accept the certificate that it was shown.
    CertificateRefused(String),
    /// Anything else.
    Handshake(String),
}

impl Refusal {
    /// What an error says of TLS, or one of its causes. `None`: it is about something else.
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(why) = error.downcast_ref() {
                return Some(Self::of_rustls(why));
            }
            // An I/O error does not count what it wraps among its causes.
            let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            if let Some(why) = wrapped.and_then(<dyn Error + Send + Sync>::downcast_ref) {
                return Some(Self::of_rustls(why));
            }
            next = error.source();
        }
        None
    }

    fn of_rustls(why: &rustls::Error) -> Self {
        match why {
            // The first bytes are those of another protocol.
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NoTls,
            rustls::Error::InvalidCertificate(why) => Self::of_certificate(why),
            rustls::Error::AlertReceived(alert) => match alert {
                AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
                    Self::CertificateDemanded
                }
                AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::AccessDenied => Self::CertificateRefused(format!("{alert:?}")),
                _ => Self::Handshake(why.to_string()),
            },
            _ => Self::Handshake(why.to_string()),
        }
    }

    fn of_certificate(why: &CertificateError) -> Self {
        match why {
            CertificateError::UnknownIssuer => Self::UnknownAuthority,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForName => {
                Self::WrongName { expected: "this name".to_owned(), found: Vec::new() }
            }
            CertificateError::NotValidForNameContext { expected, presented } => Self::WrongName {
                expected: expected.to_str().into_owned(),
                found: presented.iter().map(|name| plain(name)).collect(),
            },
            _ => Self::BadCertificate(why.to_string()),
        }
    }

    /// What the operator can do about it.
    pub fn advice(&self, section: Section) -> &'static str {
        match section {
            Section::Database => self.advice_for_database(),
            Section::Telemetry => self.advice_for_collector(),
            // The HTTP services connect to nobody.
            Section::Rabbitmq | Section::Http => self.advice_for_rabbitmq(),
        }
    }

    /// Its URL says whether there is TLS, and it is shown no certificate.
    fn advice_for_collector(&self) -> &'static str {
        match self {
            Self::NoTls => {
                "name its port for TLS in telemetry.otlp_endpoint (OTEL_EXPORTER_OTLP_ENDPOINT), or begin that with http://"
            }
            Self::TlsDemanded => "begin telemetry.otlp_endpoint (OTEL_EXPORTER_OTLP_ENDPOINT) with https://",
            Self::UnknownAuthority => {
                "name the file with the certificate of the authority that signed it in telemetry.otlp_ca (OTEL_EXPORTER_OTLP_CERTIFICATE)"
            }
            Self::Expired => "renew the collector's certificate",
            Self::NotYetValid => "correct the clocks of both machines, or wait until it is valid",
            Self::WrongName { .. } => {
                "name the collector in telemetry.otlp_endpoint (OTEL_EXPORTER_OTLP_ENDPOINT) as its certificate does, or give it a certificate for this name"
            }
            Self::BadCertificate(_) => "give the collector another certificate",
            Self::CertificateDemanded | Self::CertificateRefused(_) => {
                "let the collector demand no certificate; telemetry.otlp_headers (OTEL_EXPORTER_OTLP_HEADERS) can say who sends"
            }
            Self::Handshake(_) => "see what the collector's log says of it; it must speak TLS 1.2 or 1.3",
        }
    }
}

/// `DnsName("a.test")` as `a.test`.
fn plain(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTls => f.write_str("it does not speak TLS there"),
            Self::TlsDemanded => f.write_str("it speaks only TLS there, and was asked without"),
            Self::UnknownAuthority => {
                f.write_str("its certificate is signed by an authority that is not trusted here")
            }
            Self::Expired => f.write_str("its certificate has expired"),
            Self::NotYetValid => {
                f.write_str("its certificate is not valid yet, or the clock of this machine is wrong")
            }
            Self::WrongName { expected, found } if found.is_empty() => {
                write!(f, "its certificate is not for {expected}")
            }
            Self::WrongName { expected, found } => {
                write!(f, "its certificate is not for {expected}, but for {}", found.join(", "))
            }
            Self::BadCertificate(why) => write!(f, "its certificate cannot be accepted: {why}"),
            Self::CertificateDemanded => f.write_str("it demands a certificate, and was shown none"),
            Self::CertificateRefused(alert) => {
                write!(f, "it does not accept the certificate that it was shown ({alert})")
            }
            Self::Handshake(why) => write!(f, "the TLS handshake failed: {why}"),
        }
    }
}

/// The advice of a section, by its settings.
macro_rules! advice {
    ($name:ident, $mode:literal, $ca:literal, $cert:literal, $key:literal, $host:literal, $no:literal) => {
        fn $name(&self) -> &'static str {
            match self {
                Self::NoTls => concat!($no, ", or set ", $mode, " to disable"),
                Self::TlsDemanded => concat!("set ", $mode, " to verify-full or require"),
                Self::UnknownAuthority => {
                    concat!("name the file with the certificate of the authority that signed it in ", $ca)
                }
                Self::Expired => "renew the server's certificate",
                Self::NotYetValid => "correct the clocks of both machines, or wait until it is valid",
                Self::WrongName { .. } => concat!(
                    "name the server in ",
                    $host,
                    " as its certificate does, or give it a certificate for this name"
                ),
                Self::BadCertificate(_) => "give the server another certificate",
                Self::CertificateDemanded => {
                    concat!("name a certificate and its key in ", $cert, " and ", $key)
                }
                Self::CertificateRefused(_) => concat!(
                    "have an authority that the server trusts sign the certificate in ",
                    $cert,
                    ", or renew it; the server's log says more"
                ),
                Self::Handshake(_) => "see what the server's log says of it; it must speak TLS 1.2 or 1.3",
            }
        }
    };
}

impl Refusal {
    advice!(
        advice_for_database,
        "database.tls (DB_TLS)",
        "database.tls_ca (DB_TLS_CA)",
        "database.tls_cert (DB_TLS_CERT)",
        "database.tls_key (DB_TLS_KEY)",
        "database.host (DB_HOST)",
        "switch TLS on in the server (ssl = on)"
    );
    advice!(
        advice_for_rabbitmq,
        "rabbitmq.tls (RABBITMQ_TLS)",
        "rabbitmq.tls_ca (RABBITMQ_TLS_CA)",
        "rabbitmq.tls_cert (RABBITMQ_TLS_CERT)",
        "rabbitmq.tls_key (RABBITMQ_TLS_KEY)",
        "rabbitmq.host (RABBITMQ_HOST)",
        "name the port of its listener for TLS, usually 5671, in rabbitmq.port (RABBITMQ_PORT)"
    );
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_found_below_other_errors() {
        let expired = || rustls::Error::InvalidCertificate(CertificateError::Expired);
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, expired());
        assert_eq!(Refusal::of(&wrapped), Some(Refusal::Expired));
        assert_eq!(Refusal::of(&expired()), Some(Refusal::Expired));
        assert_eq!(Refusal::of(&io::Error::from(io::ErrorKind::ConnectionReset)), None);
    }

    #[test]
    fn each_reason_says_what_is_wrong_and_what_to_do() {
        let alert = rustls::Error::AlertReceived;
        for (why, part, advice) in [
            (rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType), "speak TLS", "5671"),
            (CertificateError::UnknownIssuer.into(), "not trusted", "RABBITMQ_TLS_CA"),
            (CertificateError::Expired.into(), "expired", "renew"),
            (CertificateError::NotValidForName.into(), "not for", "rabbitmq.host"),
            (alert(AlertDescription::CertificateRequired), "demands", "RABBITMQ_TLS_CERT"),
            (alert(AlertDescription::UnknownCA), "does not accept", "server's log"),
            (alert(AlertDescription::ProtocolVersion), "handshake", "TLS 1.2"),
        ] {
            let refusal = Refusal::of(&why).unwrap();
            assert!(refusal.to_string().contains(part), "{refusal}");
            let advised = refusal.advice(Section::Rabbitmq);
            assert!(advised.contains(advice), "{refusal}: {advised}");
        }
    }

    #[test]
    fn advice_for_a_collector_names_its_own_settings() {
        let wrong_name = Refusal::WrongName { expected: "a.test".to_owned(), found: Vec::new() };
        for (refusal, part) in [
            (Refusal::NoTls, "OTEL_EXPORTER_OTLP_ENDPOINT"),
            (Refusal::TlsDemanded, "https://"),
            (Refusal::UnknownAuthority, "OTEL_EXPORTER_OTLP_CERTIFICATE"),
            (Refusal::Expired, "collector"),
            (Refusal::NotYetValid, "clocks"),
            (wrong_name, "OTEL_EXPORTER_OTLP_ENDPOINT"),
            (Refusal::BadCertificate(String::new()), "collector"),
            (Refusal::CertificateDemanded, "OTEL_EXPORTER_OTLP_HEADERS"),
            (Refusal::Handshake(String::new()), "collector"),
        ] {
            let advised = refusal.advice(Section::Telemetry);
            assert!(advised.contains(part) && !advised.contains("RABBITMQ"), "{refusal}: {advised}");
        }
    }

    #[test]
    fn names_are_shown_as_people_write_them() {
        for (found, shown) in
            [("DnsName(\"a.test\")", "a.test"), ("IpAddress(10.0.0.1)", "10.0.0.1"), ("odd", "odd")]
        {
            assert_eq!(plain(found), shown);
        }
    }
}
