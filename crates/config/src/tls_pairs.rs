//! Certificates without a key, and keys without a certificate: no connection can use one alone.

use crate::{Config, ConfigError, KEYS, Key, TlsMode};

/// Refuses halves of a pair where TLS is used. All mistakes are told at once.
///
/// # Errors
/// A section names one of the two files, and its connections use TLS.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let sections = [
        ("database", config.database.tls != TlsMode::Disable),
        ("rabbitmq", config.rabbitmq.tls != TlsMode::Disable),
        // One file is enough to say that the services shall speak TLS.
        ("http", true),
    ];
    let used = sections.into_iter().filter(|(_, is_used)| *is_used);
    ConfigError::of(used.filter_map(|(section, _)| half(config, section)).collect())
}

fn half(config: &Config, section: &str) -> Option<ConfigError> {
    let key = |name: &str| KEYS.iter().find(|key| key.place() == (section, name));
    let (cert, key) = (key("tls_cert")?, key("tls_key")?);
    let is_set = |key: &Key| !(key.written)(config).is_empty();
    let (set, missing) = match (is_set(cert), is_set(key)) {
        (true, false) => (cert, key),
        (false, true) => (key, cert),
        (true, true) | (false, false) => return None,
    };
    let named = |key: &Key| format!("{} ({})", key.name, key.variable);
    Some(ConfigError::HalfTlsPair { set: named(set), missing: named(missing) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file;

    #[test]
    fn one_of_two_files_is_refused_with_what_to_do() {
        for (text, set, missing) in [
            ("database: { tls: require, tls_cert: a.pem }", "DB_TLS_CERT", "DB_TLS_KEY"),
            ("rabbitmq: { tls: verify-full, tls_key: a.pem }", "RABBITMQ_TLS_KEY", "RABBITMQ_TLS_CERT"),
            ("http: { tls_cert: a.pem }", "HTTP_TLS_CERT", "HTTP_TLS_KEY"),
        ] {
            let why = check(&file::parse(text).unwrap()).unwrap_err().to_string();
            let parts = [format!("({set}) is set"), format!("({missing}) is not"), "set both".to_owned()];
            for part in parts {
                assert!(why.contains(&part), "no '{part}' in {why}");
            }
        }
    }

    #[test]
    fn pairs_and_what_is_switched_off_are_no_mistake() {
        for text in [
            "http: { tls_cert: a.pem, tls_key: b.pem }",
            "database: { tls: require, tls_ca: a.pem }",
            // Of the files of a connection without TLS another rule tells.
            "rabbitmq: { tls: disable, tls_key: a.pem }",
        ] {
            assert!(check(&file::parse(text).unwrap()).is_ok(), "{text}");
        }
    }
}
