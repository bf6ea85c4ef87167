//! Environment variables: one table, each name with the key that it sets.

use std::ffi::OsString;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use crate::reading::{self, without_line_end};
use crate::values::{
    parse_address, parse_connections, parse_count, parse_grace, parse_host_names, parse_hosts, parse_key,
    parse_level, parse_name, parse_origins, parse_password, parse_port, parse_seconds, parse_switch,
    parse_text,
};
use crate::{Config, ConfigError};

pub(super) type Setter = fn(&mut Config, &str) -> Result<(), String>;

/// Every variable. Each has a twin `<NAME>_FILE` that names a file with the value, for secrets.
pub(super) const VARIABLES: &[(&str, Setter)] = &[
    ("DB_HOST", |config, text| set(&mut config.database.host, parse_hosts(text))),
    ("DB_PORT", |config, text| set(&mut config.database.port, parse_port(text))),
    ("DB_USER", |config, text| set(&mut config.database.user, parse_name(text))),
    ("DB_PASSWORD", |config, text| set(&mut config.database.password, parse_password(text))),
    ("DB_NAME", |config, text| set(&mut config.database.database, parse_name(text))),
    ("DB_MAX_CONNECTIONS", |config, text| set(&mut config.database.max_connections, parse_connections(text))),
    ("RABBITMQ_HOST", |config, text| set(&mut config.rabbitmq.host, parse_hosts(text))),
    ("RABBITMQ_PORT", |config, text| set(&mut config.rabbitmq.port, parse_port(text))),
    ("RABBITMQ_USER", |config, text| set(&mut config.rabbitmq.user, parse_name(text))),
    ("RABBITMQ_PASSWORD", |config, text| set(&mut config.rabbitmq.password, parse_password(text))),
    ("RABBITMQ_VHOST", |config, text| set(&mut config.rabbitmq.vhost, parse_text(text))),
    ("ORDER_ACCEPT_WHILE_BROKER_DOWN", |config, text| {
        set(&mut config.order.accept_while_broker_down, parse_switch(text))
    }),
    ("ORDER_STAFF_KEY", |config, text| set(&mut config.order.staff_key, parse_key(text))),
    ("ORDER_RESEND_AFTER", |config, text| set(&mut config.order.resend_after, parse_seconds(text))),
    ("KITCHEN_MAX_WAIT", |config, text| set(&mut config.kitchen.max_wait, parse_seconds(text))),
    ("KITCHEN_COOKING_SECONDS_DINE_IN", |config, text| {
        set(&mut config.kitchen.cooking_seconds.dine_in, parse_seconds(text))
    }),
    ("KITCHEN_COOKING_SECONDS_TAKEOUT", |config, text| {
        set(&mut config.kitchen.cooking_seconds.takeout, parse_seconds(text))
    }),
    ("KITCHEN_COOKING_SECONDS_DELIVERY", |config, text| {
        set(&mut config.kitchen.cooking_seconds.delivery, parse_seconds(text))
    }),
    ("HTTP_BIND", |config, text| set(&mut config.http.bind, parse_address(text))),
    ("HTTP_MAX_CONNECTIONS", |config, text| set(&mut config.http.max_connections, parse_count(text))),
    ("HTTP_MAX_CONNECTIONS_PER_ADDRESS", |config, text| {
        set(&mut config.http.max_connections_per_address, parse_count(text))
    }),
    ("HTTP_MEMORY_LIMIT_MIB", |config, text| set(&mut config.http.memory_limit_mib, parse_count(text))),
    ("HTTP_ALLOWED_ORIGINS", |config, text| set(&mut config.http.allowed_origins, parse_origins(text))),
    ("HTTP_ALLOWED_HOSTS", |config, text| set(&mut config.http.allowed_hosts, parse_host_names(text))),
    ("LOG_LEVEL", |config, text| set(&mut config.log.level, parse_level(text))),
    ("SHUTDOWN_GRACE_SECONDS", |config, text| set(&mut config.shutdown.grace_seconds, parse_grace(text))),
];

fn set<T>(field: &mut T, value: Result<T, String>) -> Result<(), String> {
    *field = value?;
    Ok(())
}

/// Overrides what the environment names.
pub(super) fn apply(config: &mut Config, read: &dyn Fn(&str) -> Option<OsString>) -> Result<(), ConfigError> {
    for (name, setter) in VARIABLES {
        let Some((source, value)) = value_of(name, read)? else { continue };
        let bad = |why| ConfigError::BadVariable { name: source, why };
        setter(config, value.expose_secret()).map_err(bad)?;
    }
    Ok(())
}

/// A value that is not part of the configuration: from the variable, else from the file that
/// `<NAME>_FILE` names.
///
/// # Errors
/// The file cannot be read or is empty, or the value has control characters.
pub fn secret(name: &str) -> Result<Option<SecretString>, ConfigError> {
    let Some((source, value)) = value_of(name, &|name| std::env::var_os(name))? else { return Ok(None) };
    let read = parse_password(value.expose_secret());
    read.map(Some).map_err(|why| ConfigError::BadVariable { name: source, why })
}

/// The value of a variable or of its file, and which of both says it. An empty variable counts as
/// not set, as tools like Compose leave it; line breaks at the end are no part of a value. An
/// empty file is a mistake.
fn value_of(
    name: &str,
    read: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<(String, SecretString)>, ConfigError> {
    let read = |name: &str| read(name).filter(|value| !value.is_empty());
    let file_variable = format!("{name}_FILE");
    if let Some(value) = read(name) {
        let bad = |why: &str| ConfigError::BadVariable { name: name.to_owned(), why: why.to_owned() };
        let value = value.into_string().map_err(|_| bad("is not valid UTF-8"))?;
        return match without_line_end(&value) {
            "" => Err(bad("is nothing but a line break")),
            value => Ok(Some((name.to_owned(), value.into()))),
        };
    }
    let Some(path) = read(&file_variable).map(PathBuf::from) else { return Ok(None) };
    match reading::read(&path) {
        Ok(text) if without_line_end(&text).is_empty() => {
            let why = format!("names the file '{}', which is empty: write the value into it", path.display());
            Err(ConfigError::BadVariable { name: file_variable, why })
        }
        Ok(text) => Ok(Some((file_variable, without_line_end(&text).into()))),
        Err(why) => Err(ConfigError::BadSecretFile { name: file_variable, path, why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        let read = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        apply(&mut config, &read).map(|()| config)
    }

    #[test]
    fn a_variable_stands_above_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "from file\n").unwrap();
        let path = path.to_str().unwrap();
        let config = with(&[("DB_PASSWORD_FILE", path)]).unwrap();
        assert_eq!(config.database.password.expose_secret(), "from file");
        let config = with(&[("DB_PASSWORD_FILE", path), ("DB_PASSWORD", "direct"), ("DB_USER", "")]).unwrap();
        assert_eq!(config.database.password.expose_secret(), "direct");
        assert_eq!(config.database.user, "restaurant_user");
    }

    #[test]
    fn line_ends_of_windows_are_no_part_of_a_value() {
        let variables =
            [("DB_PASSWORD", "secret\r"), ("DB_HOST", "db\r\n"), ("DB_PORT", "5433\r"), ("DB_USER", "")];
        let config = with(&variables).unwrap().database;
        assert_eq!(
            (config.password.expose_secret(), config.host.as_str(), config.port),
            ("secret", "db", 5433)
        );
        assert_eq!(config.user, "restaurant_user", "an empty variable counts as not set");
    }

    #[test]
    fn mistakes_name_the_variable_and_the_allowed_values() {
        for (name, value, part) in [
            ("DB_PORT", "0", "1 to 65535"),
            ("RABBITMQ_PORT", "tcp://10.0.0.1:5672", "1 to 65535"),
            ("KITCHEN_COOKING_SECONDS_TAKEOUT", "NaN", "0 to 86400"),
            ("LOG_LEVEL", "trace", "debug, info, error"),
            ("ORDER_STAFF_KEY", "nineteen-characters", "at least 20"),
            ("HTTP_BIND", "everywhere", "0.0.0.0 or ::"),
            ("HTTP_MAX_CONNECTIONS", "-1", "0 to 1000000"),
            ("HTTP_ALLOWED_ORIGINS", "shop.example", "https://shop.example"),
            ("HTTP_ALLOWED_HOSTS", "shop.example:3000", "without scheme and port"),
            ("ORDER_STAFF_KEY", "with a space at the end ", "ends with a space"),
            ("ORDER_STAFF_KEY_FILE", "/dev/null", "is empty"),
            ("DB_PASSWORD_FILE", "/nowhere/secret", "/nowhere/secret"),
            ("DB_PASSWORD_FILE", "/dev/null", "is empty"),
            ("DB_PASSWORD_FILE", "/dev/zero", "1 MiB"),
            ("DB_PASSWORD", "\r\n", "line break"),
            ("DB_PASSWORD", "a\u{0}b", "U+0000"),
            ("DB_HOST", " localhost", "space"),
            ("DB_HOST", "a,,b", "several separated by commas"),
            ("RABBITMQ_HOST", "amqp://mq", "not a name or an address"),
            ("DB_MAX_CONNECTIONS", "2", "3 to 1000; one is kept for heartbeats"),
            ("RABBITMQ_USER", "gu\rest", "U+000D"),
        ] {
            let why = with(&[(name, value)]).unwrap_err().to_string();
            assert!(why.contains(name) && why.contains(part), "{why}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let config = with(&[("DB_PASSWORD", "hunter2"), ("RABBITMQ_PASSWORD", "hunter2")]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
