//! Certificates that nobody would look at, since TLS is off: whoever names an authority believes
//! that the connection is encrypted.

use std::ffi::OsString;

use crate::{Config, ConfigError, KEYS, Key, TlsMode};

/// Reads a variable of the environment.
type Read<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Refuses files of TLS where TLS is off. All mistakes are told at once.
///
/// # Errors
/// A section names files, and its `tls` is `disable`, or its collector is reached by `http`.
/// Whoever says that in the environment, above files that stand in `config.yaml`, means it.
pub(super) fn check(config: &Config, read: Read<'_>) -> Result<(), ConfigError> {
    let sections = [("database", config.database.tls), ("rabbitmq", config.rabbitmq.tls)];
    let off = sections.into_iter().filter(|(_, mode)| *mode == TlsMode::Disable);
    let of_servers = off.filter_map(|(section, _)| unused(config, section, read));
    ConfigError::of(of_servers.chain(unused_by_collector(config, read)).collect())
}

fn unused(config: &Config, section: &str, read: Read<'_>) -> Option<ConfigError> {
    let is_in_environment = |key: &Key| is_in_environment(key, read);
    let mode = key(section, "tls")?;
    let files: Vec<&Key> = KEYS
        .iter()
        .filter(|key| key.place().0 == section && key.names_a_file && !(key.written)(config).is_empty())
        .collect();
    let is_switched_off = is_in_environment(mode) && !files.iter().copied().any(is_in_environment);
    if files.is_empty() || is_switched_off {
        return None;
    }
    let files = files.into_iter().map(named).collect::<Vec<_>>().join(", ");
    Some(ConfigError::UnusedTlsFiles { files, mode: named(mode) })
}

/// The authority of a collector that is reached without TLS. Where none is named, nothing is sent.
fn unused_by_collector(config: &Config, read: Read<'_>) -> Option<ConfigError> {
    let settings = &config.telemetry;
    let is_plain = settings.otlp_endpoint.as_ref().is_some_and(|url| !url.is_https());
    if !is_plain || settings.otlp_ca.is_none() {
        return None;
    }
    let (endpoint, ca) = (key("telemetry", "otlp_endpoint")?, key("telemetry", "otlp_ca")?);
    let is_switched_off = is_in_environment(endpoint, read) && !is_in_environment(ca, read);
    (!is_switched_off)
        .then(|| ConfigError::UnusedCollectorAuthority { ca: named(ca), endpoint: named(endpoint) })
}

fn key(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.place() == (section, name))
}

fn is_in_environment(key: &Key, read: Read<'_>) -> bool {
    let is_set = |name: &str| read(name).is_some_and(|value| !value.is_empty());
    is_set(key.variable) || is_set(&format!("{}_FILE", key.variable))
}

/// `database.tls_ca (DB_TLS_CA)`.
fn named(key: &Key) -> String {
    format!("{} ({})", key.name, key.variable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment, file};

    /// What `Config::load` does with this file and these variables.
    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let read = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        let mut config = file::parse(text).unwrap();
        environment::apply(&mut config, &read)?;
        check(&config, &read).map(|()| config)
    }

    #[test]
    fn files_without_tls_are_refused_with_what_to_do() {
        for (variable, key, mode) in [
            ("DB_TLS_CA", "database.tls_ca (DB_TLS_CA)", "database.tls (DB_TLS)"),
            ("DB_TLS_CERT", "database.tls_cert (DB_TLS_CERT)", "database.tls (DB_TLS)"),
            ("DB_TLS_KEY_FILE", "database.tls_key (DB_TLS_KEY)", "database.tls (DB_TLS)"),
            ("RABBITMQ_TLS_CA", "rabbitmq.tls_ca (RABBITMQ_TLS_CA)", "rabbitmq.tls (RABBITMQ_TLS)"),
            ("RABBITMQ_TLS_CERT", "rabbitmq.tls_cert (RABBITMQ_TLS_CERT)", "rabbitmq.tls (RABBITMQ_TLS)"),
            ("RABBITMQ_TLS_KEY", "rabbitmq.tls_key (RABBITMQ_TLS_KEY)", "rabbitmq.tls (RABBITMQ_TLS)"),
        ] {
            let why = load("", &[(variable, "/run/a.pem")]).unwrap_err().to_string();
            for part in [key, &format!("set {mode} to verify-full or require"), "remove"] {
                assert!(why.contains(part), "{variable}: no '{part}' in {why}");
            }
        }
    }

    #[test]
    fn both_servers_and_all_files_are_told_at_once() {
        let text = "database: { tls_cert: a.pem, tls_key: b.pem }\nrabbitmq: { tls_ca: c.pem }\n";
        let why = load(text, &[]).unwrap_err().to_string();
        let both = "database.tls_cert (DB_TLS_CERT), database.tls_key (DB_TLS_KEY)";
        assert!(why.contains(both) && why.contains("RABBITMQ_TLS_CA"), "{why}");
    }

    #[test]
    fn an_authority_for_a_collector_without_tls_is_refused_with_what_to_do() {
        let (endpoint, ca) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_CERTIFICATE");
        let why = load("", &[(endpoint, "http://otel:4318"), (ca, "/run/a.pem")]).unwrap_err().to_string();
        for part in [
            "telemetry.otlp_ca (OTEL_EXPORTER_OTLP_CERTIFICATE) cannot be used",
            "begin telemetry.otlp_endpoint (OTEL_EXPORTER_OTLP_ENDPOINT) with https://",
            "or remove telemetry.otlp_ca",
        ] {
            assert!(why.contains(part), "no '{part}' in {why}");
        }
        for variables in [
            &[(endpoint, "https://otel:4318"), (ca, "/run/a.pem")][..],
            &[(endpoint, "HTTPS://otel"), (ca, "/run/a.pem")],
            &[(endpoint, "http://otel:4318")],
            // Nothing is sent.
            &[(ca, "/run/a.pem")],
        ] {
            assert!(load("", variables).is_ok(), "{variables:?}");
        }
        // Above the file it is meant.
        let text = "telemetry: { otlp_endpoint: 'https://otel:4318', otlp_ca: ca.pem }\n";
        assert!(load(text, &[(endpoint, "http://localhost:4318")]).is_ok());
        assert!(load(text, &[(endpoint, "http://localhost:4318"), (ca, "b.pem")]).is_err());
        assert!(load(&text.replace("https", "http"), &[]).is_err());
    }

    #[test]
    fn who_switches_tls_off_above_the_file_means_it() {
        let text = "database: { tls: verify-full, tls_ca: ca.pem }\n";
        assert!(load(text, &[]).is_ok());
        assert_eq!(load(text, &[("DB_TLS", "disable")]).unwrap().database.tls, TlsMode::Disable);
        assert!(load(text, &[("DB_TLS", "disable"), ("DB_TLS_CA", "other.pem")]).is_err());
        let off = "database: { tls: disable, tls_ca: ca.pem }\n";
        assert!(load(off, &[]).is_err());
        assert!(load(off, &[("DB_TLS", "require")]).is_ok());
        assert!(load("", &[("DB_TLS_CA", ""), ("DB_TLS", "disable")]).is_ok());
    }
}
