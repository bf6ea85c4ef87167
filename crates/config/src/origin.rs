//! Where each value comes from, for people who wonder.

use std::ffi::OsString;
use std::fmt;

use secrecy::ExposeSecret;

use crate::Config;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An environment variable of this name.
    Variable(String),
    /// A file that the environment variable of this name names.
    SecretFile(String),
    /// The config file.
    ConfigFile,
    /// Nobody has set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) | Self::SecretFile(name) => f.write_str(name),
            Self::ConfigFile => f.write_str("config file"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Such as `database.host`.
    pub key: &'static str,
    /// The value in words; `None` for a secret.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
}

type Shown = fn(&Config) -> Option<String>;

/// Every key with its variable, and how it is shown.
const KEYS: &[(&str, &str, Shown)] = &[
    ("database.host", "DB_HOST", |config| Some(config.database.host.clone())),
    ("database.port", "DB_PORT", |config| Some(config.database.port.to_string())),
    ("database.user", "DB_USER", |config| Some(config.database.user.clone())),
    ("database.password", "DB_PASSWORD", |_| None),
    ("database.database", "DB_NAME", |config| Some(config.database.database.clone())),
    ("database.max_connections", "DB_MAX_CONNECTIONS", |config| {
        Some(config.database.max_connections.to_string())
    }),
    ("rabbitmq.host", "RABBITMQ_HOST", |config| Some(config.rabbitmq.host.clone())),
    ("rabbitmq.port", "RABBITMQ_PORT", |config| Some(config.rabbitmq.port.to_string())),
    ("rabbitmq.user", "RABBITMQ_USER", |config| Some(config.rabbitmq.user.clone())),
    ("rabbitmq.password", "RABBITMQ_PASSWORD", |_| None),
    ("rabbitmq.vhost", "RABBITMQ_VHOST", |config| Some(config.rabbitmq.vhost.clone())),
    ("order.accept_while_broker_down", "ORDER_ACCEPT_WHILE_BROKER_DOWN", |config| {
        Some(config.order.accept_while_broker_down.to_string())
    }),
    ("order.staff_key", "ORDER_STAFF_KEY", |config| {
        let is_empty = config.order.staff_key.expose_secret().is_empty();
        is_empty.then(|| "empty: nobody is staff".to_owned())
    }),
    ("order.resend_after", "ORDER_RESEND_AFTER", |config| {
        Some(config.order.resend_after.as_secs_f64().to_string())
    }),
    ("kitchen.max_wait", "KITCHEN_MAX_WAIT", |config| {
        Some(config.kitchen.max_wait.as_secs_f64().to_string())
    }),
    ("kitchen.cooking_seconds.dine_in", "KITCHEN_COOKING_SECONDS_DINE_IN", |config| {
        Some(config.kitchen.cooking_seconds.dine_in.as_secs_f64().to_string())
    }),
    ("kitchen.cooking_seconds.takeout", "KITCHEN_COOKING_SECONDS_TAKEOUT", |config| {
        Some(config.kitchen.cooking_seconds.takeout.as_secs_f64().to_string())
    }),
    ("kitchen.cooking_seconds.delivery", "KITCHEN_COOKING_SECONDS_DELIVERY", |config| {
        Some(config.kitchen.cooking_seconds.delivery.as_secs_f64().to_string())
    }),
    ("http.bind", "HTTP_BIND", |config| Some(config.http.bind.to_string())),
    ("http.max_connections", "HTTP_MAX_CONNECTIONS", |config| Some(chosen(config.http.max_connections))),
    ("http.max_connections_per_address", "HTTP_MAX_CONNECTIONS_PER_ADDRESS", |config| {
        Some(chosen(config.http.max_connections_per_address))
    }),
    ("http.memory_limit_mib", "HTTP_MEMORY_LIMIT_MIB", |config| Some(chosen(config.http.memory_limit_mib))),
    ("http.allowed_origins", "HTTP_ALLOWED_ORIGINS", |config| Some(config.http.allowed_origins.to_string())),
    ("http.allowed_hosts", "HTTP_ALLOWED_HOSTS", |config| Some(config.http.allowed_hosts.to_string())),
    ("log.level", "LOG_LEVEL", |config| Some(config.log.level.clone())),
    ("shutdown.grace_seconds", "SHUTDOWN_GRACE_SECONDS", |config| {
        Some(config.shutdown.grace_seconds.as_secs().to_string())
    }),
];

/// Whether this is the name of a setting, not of a section.
pub(super) fn is_key(name: &str) -> bool {
    KEYS.iter().any(|(key, ..)| *key == name)
}

/// 0 leaves it to the service.
fn chosen(count: usize) -> String {
    if count == 0 { "0: chosen by the service".to_owned() } else { count.to_string() }
}

/// Tells of every key what it is and where it comes from.
pub(super) fn settings(
    config: &Config,
    in_file: &[String],
    read: &dyn Fn(&str) -> Option<OsString>,
) -> Vec<Setting> {
    let is_set = |name: &str| read(name).is_some_and(|value| !value.is_empty());
    let origin = |key: &str, variable: &str| {
        let secret_file = format!("{variable}_FILE");
        if is_set(variable) {
            Origin::Variable(variable.to_owned())
        } else if is_set(&secret_file) {
            Origin::SecretFile(secret_file)
        } else if in_file.iter().any(|set| set == key) {
            Origin::ConfigFile
        } else {
            Origin::Default
        }
    };
    KEYS.iter()
        .map(|(key, variable, shown)| Setting { key, value: shown(config), origin: origin(key, variable) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment, file};

    #[test]
    fn every_variable_has_its_key_and_every_key_is_in_the_shipped_file() {
        let known: Vec<&str> = environment::VARIABLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(KEYS.iter().map(|(_, variable, _)| *variable).collect::<Vec<_>>(), known);
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config.yaml");
        let mut in_file = file::keys(Some(shipped.into())).unwrap();
        let mut keys: Vec<&str> = KEYS.iter().map(|(key, ..)| *key).collect();
        in_file.sort_unstable();
        keys.sort_unstable();
        assert_eq!(in_file, keys);
    }

    #[test]
    fn the_environment_stands_above_the_file() {
        let read = |name: &str| ["DB_HOST", "DB_PASSWORD_FILE"].contains(&name).then(|| OsString::from("x"));
        let in_file = ["database.host", "database.password", "database.user"].map(str::to_owned);
        let settings = settings(&Config::default(), &in_file, &read);
        let of = |key: &str| settings.iter().find(|setting| setting.key == key).unwrap();
        assert_eq!(of("database.host").origin, Origin::Variable("DB_HOST".to_owned()));
        assert_eq!(of("database.password").origin, Origin::SecretFile("DB_PASSWORD_FILE".to_owned()));
        assert_eq!(of("database.user").origin, Origin::ConfigFile);
        assert_eq!(of("database.port").origin, Origin::Default);
        assert_eq!(of("database.password").value, None);
    }

    #[test]
    fn whether_there_is_a_staff_key_is_no_secret() {
        let shown = |key: &str| {
            let mut config = Config::default();
            config.order.staff_key = key.into();
            let settings = settings(&config, &[], &|_| None);
            settings.into_iter().find(|setting| setting.key == "order.staff_key").unwrap().value
        };
        assert_eq!(shown(""), Some("empty: nobody is staff".to_owned()));
        assert_eq!(shown("hunter2"), None);
    }
}
