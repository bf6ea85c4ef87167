//! Environment variables. Each has a twin `<NAME>_FILE` that names a file with the value, for
//! secrets. Where the value is a file itself, the twin names it too.

use std::ffi::OsString;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use crate::kinds::parse_password;
use crate::reading::{self, without_line_end};
use crate::{Config, ConfigError, KEYS, Key};

/// Overrides what the environment names. All mistakes are told at once.
pub(super) fn apply(config: &mut Config, read: &dyn Fn(&str) -> Option<OsString>) -> Result<(), ConfigError> {
    ConfigError::of(KEYS.iter().filter_map(|key| apply_one(config, key, read).err()).collect())
}

fn apply_one(
    config: &mut Config,
    key: &Key,
    read: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(), ConfigError> {
    let found = if key.names_a_file { path_of(key.variable, read)? } else { value_of(key.variable, read)? };
    let Some((source, value)) = found else { return Ok(()) };
    (key.set)(config, value.expose_secret()).map_err(|why| ConfigError::BadVariable { name: source, why })
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

/// The value of a variable that names a file, or of its twin, which names it as well: the file is
/// the value, such as a certificate, and not what holds it.
fn path_of(
    name: &str,
    read: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<(String, SecretString)>, ConfigError> {
    let file_variable = format!("{name}_FILE");
    for name in [name, &file_variable] {
        // Without the twin of the twin.
        let only = |asked: &str| if asked == name { read(asked) } else { None };
        if let Some(found) = value_of(name, &only)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TlsMode;

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
            ("ADMIN_PORT", "65536", "0 to 65535; 0: none"),
            ("ADMIN_BIND", "everywhere", "0.0.0.0 or ::"),
            ("HTTP_ALLOWED_ORIGINS", "shop.example", "https://shop.example"),
            ("HTTP_ALLOWED_HOSTS", "shop.example:3000", "without scheme and port"),
            ("WEB_ORDER_URL", "shop.example", "https://shop.example/order"),
            ("WEB_TRACKING_URL", "https://shop.example/?page=1", "https://shop.example/order"),
            ("WEB_BASE_PATH", "restaurant", "/restaurant"),
            ("BOARD_KEEP_MINUTES", "1441", "0 to 1440"),
            ("INTAKE_MAX_WAITING", "-1", "0 to 1000000; 0: no limit"),
            ("ORDER_STAFF_KEY", "with a space at the end ", "ends with a space"),
            ("ORDER_STAFF_KEY_FILE", "/dev/null", "is empty"),
            ("DB_PASSWORD_FILE", "/nowhere/secret", "/nowhere/secret"),
            ("DB_PASSWORD_FILE", "/dev/null", "is empty"),
            ("DB_PASSWORD_FILE", "/dev/zero", "1 MiB"),
            ("DB_PASSWORD", "\r\n", "line break"),
            ("DB_PASSWORD", "a\u{0}b", "U+0000"),
            ("DB_HOST", " localhost", "space"),
            ("DB_HOST", "a,,b", "has an empty entry between two commas"),
            ("DB_HOST", "a b", "several separated by commas"),
            ("RABBITMQ_HOST", "amqp://mq", "not a name or an address"),
            ("DB_MAX_CONNECTIONS", "2", "3 to 1000; one is kept for heartbeats"),
            ("RABBITMQ_USER", "gu\rest", "U+000D"),
            ("DB_TLS", "prefer", "disable, require, verify-full"),
            ("RABBITMQ_TLS_KEY_FILE", " key.pem", "space"),
        ] {
            let why = with(&[(name, value)]).unwrap_err().to_string();
            assert!(why.contains(name) && why.contains(part), "{why}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let variables =
            [("ORDER_STAFF_KEY", "short"), ("LOG_LEVEL", "trace"), ("DB_PASSWORD_FILE", "/nowhere")];
        let why = with(&variables).unwrap_err().to_string();
        assert_eq!(why.matches("; the environment variable ").count(), 2, "{why}");
        for (name, _) in variables {
            assert!(why.contains(&format!("the environment variable {name} ")), "{why}");
        }
    }

    #[test]
    fn a_file_that_is_the_value_is_named_by_either_variable() {
        let key = |variables: &[(&str, &str)]| with(variables).unwrap().database.tls_key;
        let path = |path: &str| Some(std::path::PathBuf::from(path));
        assert_eq!(key(&[("DB_TLS_KEY", "/nowhere/a.pem")]), path("/nowhere/a.pem"));
        assert_eq!(key(&[("DB_TLS_KEY_FILE", "/nowhere/b.pem")]), path("/nowhere/b.pem"));
        let both = [("DB_TLS_KEY_FILE", "/nowhere/b.pem"), ("DB_TLS_KEY", "/nowhere/a.pem")];
        assert_eq!(key(&both), path("/nowhere/a.pem"));
        assert_eq!(key(&[("DB_TLS_KEY", "")]), None);
        let config = with(&[("DB_TLS", "Verify-Full"), ("RABBITMQ_TLS", "require")]).unwrap();
        assert_eq!((config.database.tls, config.rabbitmq.tls), (TlsMode::VerifyFull, TlsMode::Require));
    }

    #[test]
    fn where_the_pages_are_is_read() {
        let config = with(&[
            ("WEB_ORDER_URL", "https://shop.example/order/"),
            ("WEB_BASE_PATH", "/order/"),
            ("BOARD_KEEP_MINUTES", "0.5"),
            ("INTAKE_MAX_WAITING", "7"),
        ])
        .unwrap();
        let order_url = config.web.order_url.unwrap();
        assert_eq!((order_url.origin(), order_url.path()), ("https://shop.example", &config.web.base_path));
        assert_eq!((config.web.tracking_url, config.web.base_path.as_str()), (None, "/order"));
        assert_eq!(config.board.keep_minutes, std::time::Duration::from_secs(30));
        assert_eq!(config.intake.max_waiting, 7);
    }

    #[test]
    fn passwords_are_not_shown() {
        let config = with(&[("DB_PASSWORD", "hunter2"), ("RABBITMQ_PASSWORD", "hunter2")]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
