//! Whether a server is reached over TLS.

use std::fmt;
use std::str::FromStr;

/// How much a connection is protected, named as libpq's `sslmode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// Not at all.
    #[default]
    Disable,
    /// It is encrypted. With an authority, the server's certificate must be signed by it.
    Require,
    /// The server's certificate must be signed by a trusted authority, for the server's name.
    VerifyFull,
}

impl FromStr for TlsMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let known = [Self::Disable, Self::Require, Self::VerifyFull];
        known.into_iter().find(|mode| mode.to_string().eq_ignore_ascii_case(text)).ok_or(())
    }
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Require => "require",
            Self::VerifyFull => "verify-full",
        })
    }
}
