//! Environment variables: one table, each name with the key that it sets.

use std::ffi::OsString;
use std::path::PathBuf;

use super::values::{
    parse_address, parse_connections, parse_key, parse_level, parse_port, parse_seconds, parse_switch,
};
use super::{Config, ConfigError};

pub(super) type Setter = fn(&mut Config, &str) -> Result<(), String>;

/// Every variable. Each has a twin `<NAME>_FILE` that names a file with the value, for secrets.
pub(super) const VARIABLES: &[(&str, Setter)] = &[
    ("DB_HOST", |config, text| set(&mut config.database.host, Ok(text.to_owned()))),
    ("DB_PORT", |config, text| set(&mut config.database.port, parse_port(text))),
    ("DB_USER", |config, text| set(&mut config.database.user, Ok(text.to_owned()))),
    ("DB_PASSWORD", |config, text| set(&mut config.database.password, Ok(text.into()))),
    ("DB_NAME", |config, text| set(&mut config.database.database, Ok(text.to_owned()))),
    ("DB_MAX_CONNECTIONS", |config, text| set(&mut config.database.max_connections, parse_connections(text))),
    ("RABBITMQ_HOST", |config, text| set(&mut config.rabbitmq.host, Ok(text.to_owned()))),
    ("RABBITMQ_PORT", |config, text| set(&mut config.rabbitmq.port, parse_port(text))),
    ("RABBITMQ_USER", |config, text| set(&mut config.rabbitmq.user, Ok(text.to_owned()))),
    ("RABBITMQ_PASSWORD", |config, text| set(&mut config.rabbitmq.password, Ok(text.into()))),
    ("RABBITMQ_VHOST", |config, text| set(&mut config.rabbitmq.vhost, Ok(text.to_owned()))),
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
    ("LOG_LEVEL", |config, text| set(&mut config.log.level, parse_level(text))),
];

fn set<T>(field: &mut T, value: Result<T, String>) -> Result<(), String> {
    *field = value?;
    Ok(())
}

/// Overrides what the environment names; an empty variable counts as not set.
pub(super) fn apply(config: &mut Config, read: &dyn Fn(&str) -> Option<OsString>) -> Result<(), ConfigError> {
    let read = |name: &str| read(name).filter(|value| !value.is_empty());
    for (name, setter) in VARIABLES {
        let file_name = format!("{name}_FILE");
        let (source, value) = if let Some(value) = read(name) {
            let value = value.into_string();
            let not_utf8 = |_| ConfigError::BadVariable {
                name: (*name).to_owned(),
                why: "is not valid UTF-8".to_owned(),
            };
            ((*name).to_owned(), value.map_err(not_utf8)?)
        } else if let Some(path) = read(&file_name) {
            let path = PathBuf::from(path);
            let text = std::fs::read_to_string(&path).map_err(|why| ConfigError::BadSecretFile {
                name: file_name.clone(),
                path,
                why,
            })?;
            (file_name, text.trim_end_matches(['\r', '\n']).to_owned())
        } else {
            continue;
        };
        setter(config, &value).map_err(|why| ConfigError::BadVariable { name: source, why })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

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
    fn mistakes_name_the_variable_and_the_allowed_values() {
        for (name, value, part) in [
            ("DB_PORT", "0", "1 to 65535"),
            ("RABBITMQ_PORT", "tcp://10.0.0.1:5672", "1 to 65535"),
            ("KITCHEN_COOKING_SECONDS_TAKEOUT", "NaN", "0 to 86400"),
            ("LOG_LEVEL", "trace", "debug, info, error"),
            ("ORDER_STAFF_KEY", "eleven-long", "at least 12"),
            ("ORDER_STAFF_KEY", "with a space at the end ", "ends with a space"),
            ("ORDER_STAFF_KEY_FILE", "/dev/null", "is empty"),
            ("DB_PASSWORD_FILE", "/nowhere/secret", "/nowhere/secret"),
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
