//! Where each value comes from, for people who wonder.

use std::ffi::OsString;
use std::fmt;

use crate::{Config, KEYS, Key};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueSource {
    /// An environment variable of this name.
    Variable(String),
    /// A file that the environment variable of this name names.
    SecretFile(String),
    /// The config file.
    ConfigFile,
    /// Nobody has set it.
    Default,
}

impl fmt::Display for ValueSource {
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
    pub source: ValueSource,
}

/// Tells of every key what it is and where it comes from.
pub(super) fn settings(
    config: &Config,
    in_file: &[String],
    read: &dyn Fn(&str) -> Option<OsString>,
) -> Vec<Setting> {
    let is_set = |name: &str| read(name).is_some_and(|value| !value.is_empty());
    let source = |key: &Key| {
        let secret_file = format!("{}_FILE", key.variable);
        if is_set(key.variable) {
            ValueSource::Variable(key.variable.to_owned())
        } else if is_set(&secret_file) {
            ValueSource::SecretFile(secret_file)
        } else if in_file.iter().any(|set| set == key.name) {
            ValueSource::ConfigFile
        } else {
            ValueSource::Default
        }
    };
    KEYS.iter()
        .map(|key| Setting { key: key.name, value: (key.shown)(config), source: source(key) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file;

    #[test]
    fn every_key_is_in_the_shipped_file() {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config.yaml");
        let mut in_file = file::keys(Some(shipped.into())).unwrap();
        let mut keys: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
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
        assert_eq!(of("database.host").source, ValueSource::Variable("DB_HOST".to_owned()));
        assert_eq!(of("database.password").source, ValueSource::SecretFile("DB_PASSWORD_FILE".to_owned()));
        assert_eq!(of("database.user").source, ValueSource::ConfigFile);
        assert_eq!(of("database.port").source, ValueSource::Default);
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
