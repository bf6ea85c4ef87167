//! `config.yaml`: its keys and their values.

use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use crate::yaml::{self, says_nothing};
use crate::{Config, ConfigError, KEYS, Key, SECTIONS, Section, reading, shape};

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
    shape::keys_of(&text).map_err(|why| ConfigError::BadFile { path, why })
}

/// The file that is meant and what it says, unless it is not there and was not named.
fn text(path: Option<PathBuf>) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let named = path.is_some();
    let path = path.unwrap_or_else(|| DEFAULT_PATH.into());
    match reading::read(&path) {
        Ok(text) if says_nothing(&text) => Ok(None),
        Ok(text) => Ok(Some((path, text))),
        Err(why) if why.kind() == ErrorKind::NotFound && !named => Ok(None),
        Err(why) => Err(ConfigError::Unreadable { path, why }),
    }
}

/// A file that sets nothing, such as an empty one, means the defaults.
pub(super) fn parse(text: &str) -> Result<Config, yaml::Error> {
    let mut config = Config::default();
    if says_nothing(text) {
        return Ok(config);
    }
    shape::keys_of(text)?;
    if let Some(section) = SECTIONS.iter().find(|section| section.path.is_empty()) {
        yaml::read(Values { section, config: &mut config }, text)?;
    }
    Ok(config)
}

/// Reads what the file says in a section. Everything here is a visitor of serde, so that an error
/// gets the key, the line and the column.
struct Values<'a> {
    section: &'static Section,
    config: &'a mut Config,
}

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "struct {}", self.section.holder)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = Vec::new();
        while let Some(entry) = entries.next_key_seed(EntryOf(self.section))? {
            if seen.contains(&entry) {
                return Err(A::Error::duplicate_field(entry));
            }
            seen.push(entry);
            let path = self.section.below(entry);
            if let Some(key) = KEYS.iter().find(|key| key.name == path) {
                entries.next_value_seed(Value { key, config: self.config })?;
            } else if let Some(section) = SECTIONS.iter().find(|section| section.path == path) {
                entries.next_value_seed(Values { section, config: self.config })?;
            }
        }
        Ok(())
    }
}

/// Reads the name of a key or a section that stands in this one.
struct EntryOf(&'static Section);

impl<'de> DeserializeSeed<'de> for EntryOf {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for EntryOf {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("field identifier")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let entries = self.0.entries;
        entries.iter().find(|entry| **entry == name).copied().ok_or_else(|| E::unknown_field(name, entries))
    }
}

/// Reads a value as it was written, whether it looks like a number or not.
struct Value<'a> {
    key: &'static Key,
    config: &'a mut Config,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        (self.key.set)(self.config, text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_shipped_file_says_what_the_defaults_are() {
        let shipped = include_str!("../../../config.yaml");
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
            ("database:\n  host:\n  port: 1\n", &["database.host", "line 2", "no value"]),
            ("database:\n  password: !Summer2024\n", &["database.password", "line 2", "quotes"]),
            ("database:\n  host: a\n  host: b\n", &["database", "duplicate", "host"]),
            ("database:\n  host: ''\n", &["database.host", "line 2", "is empty"]),
            ("rabbitmq:\n  user: ' guest'\n", &["rabbitmq.user", "line 2", "space"]),
            ("rabbitmq:\n  password: \"a\\tb\"\n", &["rabbitmq.password", "line 2", "control character"]),
            ("defaults: &d\n  host: x\ndatabase:\n  <<: *d\n", &["defaults", "line 1"]),
            ("order: { accept_while_broker_down: yes }\n", &["order.accept", "line 1", "true, false"]),
            ("log: { level: info }\n---\nlog: { level: info }\n", &["more than one document"]),
        ] {
            let why = crate::located(&parse(text).unwrap_err());
            for part in parts {
                assert!(why.contains(part), "{why:?} does not name {part:?}");
            }
        }
    }

    #[test]
    fn a_text_is_what_was_written() {
        for written in
            ["0123", "1e5", "yes", "true", "0x1F", "12345678901234567890123", ".inf", "1_000", "p:1"]
        {
            let config = parse(&format!("database:\n  password: {written}\n")).unwrap();
            assert_eq!(config.database.password.expose_secret(), written);
        }
    }

    #[test]
    fn a_file_that_says_nothing_means_the_defaults() {
        let defaults = format!("{:?}", Config::default());
        for text in ["", "\n", "# only a comment\n", "---\n", "---\n...\n", "~\n", "database:\n", "{}\n"] {
            assert_eq!(format!("{:?}", parse(text).unwrap()), defaults, "{text:?}");
        }
    }

    #[test]
    fn windows_line_ends_are_no_part_of_a_value() {
        let shipped = include_str!("../../../config.yaml").replace('\n', "\r\n");
        assert_eq!(format!("{:?}", parse(&shipped).unwrap()), format!("{:?}", Config::default()));
        let config = parse("\u{feff}database:\r\n  password: p\r\n  host: h\r\n").unwrap();
        assert_eq!((config.database.password.expose_secret(), config.database.host.as_str()), ("p", "h"));
    }

    #[test]
    fn a_named_file_must_be_there() {
        let path = PathBuf::from("/nowhere/config.yaml");
        assert!(matches!(read(Some(path)), Err(ConfigError::Unreadable { .. })));
    }
}
