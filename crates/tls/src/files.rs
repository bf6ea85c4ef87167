//! The files that a section of the configuration names, and what can be wrong with them.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use config::TlsMode;
use x509_cert::time::Time;

/// The section of the configuration that names the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The connections to PostgreSQL.
    Database,
    /// The connections to RabbitMQ.
    Rabbitmq,
    /// The HTTP services.
    Http,
    /// The connection to a collector of traces.
    Telemetry,
}

impl Section {
    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Rabbitmq => "rabbitmq",
            Self::Http => "http",
            Self::Telemetry => "telemetry",
        }
    }

    /// The setting that names the authorities.
    pub(crate) fn ca(self) -> &'static str {
        match self {
            Self::Database => "database.tls_ca (DB_TLS_CA)",
            // The HTTP services ask their clients for no certificate.
            Self::Rabbitmq | Self::Http => "rabbitmq.tls_ca (RABBITMQ_TLS_CA)",
            Self::Telemetry => "telemetry.otlp_ca (OTEL_EXPORTER_OTLP_CERTIFICATE)",
        }
    }

    /// The setting that names the certificate.
    pub(crate) fn cert(self) -> &'static str {
        match self {
            Self::Database => "database.tls_cert (DB_TLS_CERT)",
            Self::Rabbitmq => "rabbitmq.tls_cert (RABBITMQ_TLS_CERT)",
            // A collector is shown none.
            Self::Http | Self::Telemetry => "http.tls_cert (HTTP_TLS_CERT)",
        }
    }

    /// The setting that names the private key.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Database => "database.tls_key (DB_TLS_KEY)",
            Self::Rabbitmq => "rabbitmq.tls_key (RABBITMQ_TLS_KEY)",
            Self::Http | Self::Telemetry => "http.tls_key (HTTP_TLS_KEY)",
        }
    }
}

/// How a section uses TLS, and the files that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The section.
    pub section: Section,
    /// How much a connection is protected.
    pub mode: TlsMode,
    /// The authorities.
    pub ca: Option<PathBuf>,
    /// The own certificate.
    pub cert: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
}

impl From<&config::Database> for Files {
    fn from(settings: &config::Database) -> Self {
        Self {
            section: Section::Database,
            mode: settings.tls,
            ca: settings.tls_ca.clone(),
            cert: settings.tls_cert.clone(),
            key: settings.tls_key.clone(),
        }
    }
}

impl From<&config::Rabbitmq> for Files {
    fn from(settings: &config::Rabbitmq) -> Self {
        Self {
            section: Section::Rabbitmq,
            mode: settings.tls,
            ca: settings.tls_ca.clone(),
            cert: settings.tls_cert.clone(),
            key: settings.tls_key.clone(),
        }
    }
}

impl From<&config::Http> for Files {
    fn from(settings: &config::Http) -> Self {
        let is_set = settings.tls_cert.is_some() || settings.tls_key.is_some();
        Self {
            section: Section::Http,
            mode: if is_set { TlsMode::Require } else { TlsMode::Disable },
            ca: None,
            cert: settings.tls_cert.clone(),
            key: settings.tls_key.clone(),
        }
    }
}

/// A collector of traces with `https` is always verified.
impl From<&config::Telemetry> for Files {
    fn from(settings: &config::Telemetry) -> Self {
        let is_encrypted = settings.otlp_endpoint.as_ref().is_some_and(config::WebUrl::is_https);
        Self {
            section: Section::Telemetry,
            mode: if is_encrypted { TlsMode::VerifyFull } else { TlsMode::Disable },
            ca: settings.otlp_ca.clone(),
            cert: None,
            key: None,
        }
    }
}

/// How a file looked when it was read. Another time, size or place on the disk is another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<(SystemTime, u64, u64)>);

impl Stamp {
    fn of(path: &Path) -> Self {
        // It follows links: Kubernetes changes a secret by changing a link.
        let found = path.metadata().ok();
        Self(found.and_then(|found| Some((found.modified().ok()?, found.len(), found.ino()))))
    }
}

impl Files {
    /// How the files look now. It waits for the disk, and reads nothing.
    pub(crate) fn stamps(&self) -> [Option<Stamp>; 3] {
        [&self.ca, &self.cert, &self.key].map(|path| path.as_deref().map(Stamp::of))
    }

    /// Certificate and key, of which nobody has use for one.
    pub(crate) fn pair(&self) -> Result<Option<(&Path, &Path)>, FilesError> {
        match (self.cert.as_deref(), self.key.as_deref()) {
            (Some(cert), Some(key)) => Ok(Some((cert, key))),
            (None, None) => Ok(None),
            (Some(_), None) => {
                Err(FilesError::Half { set: self.section.cert(), missing: self.section.key() })
            }
            (None, Some(_)) => {
                Err(FilesError::Half { set: self.section.key(), missing: self.section.cert() })
            }
        }
    }
}

/// Why files cannot be used. What is in them is in no error.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// One of the two is missing.
    #[error("{set} is set, and {missing} is not: set both, or none of them")]
    Half {
        /// The setting that is set.
        set: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A file is not there, or not readable.
    #[error(
        "the file '{}' of {setting} cannot be read: {why}. Correct the path, or let the program's user read it",
        path.display()
    )]
    Unreadable {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        why: std::io::Error,
    },
    /// A file is too large to be a certificate.
    #[error("the file '{}' of {setting} is larger than 1 MiB: it is no certificate or key", path.display())]
    TooLarge {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A file does not hold what its setting says.
    #[error(
        "the file '{}' of {setting} has no {wanted} in PEM form, which begins with {beginning}",
        path.display()
    )]
    NotPem {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// How that begins.
        beginning: &'static str,
    },
    /// A certificate or a key in it is damaged, or of a kind that is not supported.
    #[error("the file '{}' of {setting} cannot be used: {why}", path.display())]
    Unusable {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: rustls::Error,
    },
    /// The key belongs to another certificate.
    #[error(
        "the private key in '{}' of {key_setting} does not belong to the first certificate in '{}' of {cert_setting}: \
         put the certificate of this key first, or name the key of this certificate",
        key.display(), cert.display()
    )]
    WrongKey {
        /// The setting of the certificate.
        cert_setting: &'static str,
        /// The setting of the key.
        key_setting: &'static str,
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The certificate has ended. Only a changed one is refused for it.
    #[error(
        "the certificate in the file '{}' of {setting} has expired: it was valid until {end}. Renew it",
        path.display()
    )]
    Expired {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// The end, in UTC.
        end: Time,
    },
    /// The certificate has not begun. Only a changed one is refused for it.
    #[error(
        "the certificate in the file '{}' of {setting} is not valid yet: it is from {start} on. \
         Correct the clock of this machine if it is wrong",
        path.display()
    )]
    NotYetValid {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// The beginning, in UTC.
        start: Time,
    },
    /// The system trusts no authority.
    #[error(
        "this system has no certificates of authorities: install them (ca-certificates), or set {setting}"
    )]
    NoSystemRoots {
        /// The setting.
        setting: &'static str,
    },
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}
