//! `config.yaml`. YAML is parsed here and nowhere else.

use std::io::ErrorKind;
use std::path::PathBuf;

use serde_yaml::Value;

use super::{Config, ConfigError};

/// The file that is read when none is named.
pub(super) const DEFAULT_PATH: &str = "config.yaml";

pub(super) fn read(path: Option<PathBuf>) -> Result<Config, ConfigError> {
    match text(path)? {
        Some((path, text)) => parse(&text).map_err(|why| ConfigError::BadFile { path, why }),
        None => Ok(Config::default()),
    }
}

/// The keys that the file sets, such as `database.host`.
pub(super) fn keys(path: Option<PathBuf>) -> Result<Vec<String>, ConfigError> {
    let Some((path, text)) = text(path)? else { return Ok(Vec::new()) };
    let whole: Value = serde_yaml::from_str(&text).map_err(|why| ConfigError::BadFile { path, why })?;
    let mut keys = Vec::new();
    collect("", &whole, &mut keys);
    Ok(keys)
}

fn collect(prefix: &str, value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::Mapping(entries) => {
            for (key, value) in entries {
                let key = key.as_str().unwrap_or_default();
                let key = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
                collect(&key, value, keys);
            }
        }
        Value::Null => {}
        _ => keys.push(prefix.to_owned()),
    }
}

/// The file that is meant and what it says, unless it says nothing, or is not there and was not named.
fn text(path: Option<PathBuf>) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let named = path.is_some();
    let path = path.unwrap_or_else(|| DEFAULT_PATH.into());
    match std::fs::read_to_string(&path) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some((path, text))),
        Err(why) if why.kind() == ErrorKind::NotFound && !named => Ok(None),
        Err(why) => Err(ConfigError::Unreadable { path, why }),
    }
}

fn parse(text: &str) -> Result<Config, serde_yaml::Error> {
    serde_yaml::from_str(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_shipped_file_says_what_the_defaults_are() {
        let shipped = include_str!("../../../../config.yaml");
        assert_eq!(format!("{:?}", parse(shipped).unwrap()), format!("{:?}", Config::default()));
    }

    #[test]
    fn the_specifications_file_is_read() {
        let text = "# Database Configuration\ndatabase:\n  host: db\n  port: 5433\n  user: u\n  password: p:1\n  database: d\n\
                    rabbitmq:\n  host: mq\n  port: 5673\n  user: guest\n  password: 0123\n";
        let config = parse(text).unwrap();
        assert_eq!((config.database.host.as_str(), config.database.port), ("db", 5433));
        assert_eq!(config.database.password.expose_secret(), "p:1");
        assert_eq!(config.rabbitmq.vhost, "/");
        assert_eq!(config.kitchen.cooking_seconds.takeout, Duration::from_secs(10));
    }

    #[test]
    fn mistakes_name_key_line_and_allowed_values() {
        for (text, parts) in [
            ("databse:\n  host: x\n", &["databse", "line 1", "database"][..]),
            ("database:\n  host: x\n  prot: 1\n", &["database", "prot", "line 3", "port"]),
            ("database:\n  port: 70000\n", &["database.port", "line 2", "1 to 65535"]),
            ("database:\n  port: five\n", &["database.port", "line 2", "1 to 65535"]),
            (
                "kitchen:\n  cooking_seconds:\n    takeout: -1\n",
                &["kitchen.cooking_seconds.takeout", "line 3", "0 to 86400"],
            ),
            ("http: { bind: everywhere }\n", &["http.bind", "line 1", "127.0.0.1"]),
            ("log: { level: loud }\n", &["log.level", "line 1", "debug, info, error"]),
            ("database: [\n", &["database", "line 1"]),
        ] {
            let why = super::super::located(&parse(text).unwrap_err());
            for part in parts {
                assert!(why.contains(part), "{why:?} does not name {part:?}");
            }
        }
    }

    #[test]
    fn a_named_file_must_be_there() {
        let path = PathBuf::from("/nowhere/config.yaml");
        assert!(matches!(read(Some(path)), Err(ConfigError::Unreadable { .. })));
    }
}
