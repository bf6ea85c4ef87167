//! What YAML makes of the file before anybody looks at the values: a value that YAML takes for
//! something else than text is an error here, with its line, and never an empty or shortened value.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use crate::{KEYS, yaml};

/// The keys that a file sets, such as `database.host`.
///
/// # Errors
/// A key has no value, or one that is no plain text or number.
pub(super) fn keys_of(text: &str) -> Result<Vec<String>, yaml::Error> {
    let mut keys = Vec::new();
    yaml::read(Shape { path: String::new(), keys: &mut keys }, text)?;
    Ok(keys)
}

/// Looks at one value and at everything below it. A section may be empty; a setting
/// must have one value.
struct Shape<'a> {
    path: String,
    keys: &'a mut Vec<String>,
}

impl Shape<'_> {
    fn is_setting(&self) -> bool {
        KEYS.iter().any(|key| key.name == self.path)
    }

    fn scalar(self) {
        self.keys.push(self.path);
    }
}

/// Never the value itself: it may be a secret.
fn refused<E: Error>(found: &str) -> E {
    E::custom(format_args!(
        "{found}. Put the value in single quotes if it begins with one of ! & * # | > % @ ` {{ [, or remove the line for \
         the default"
    ))
}

impl<'de> DeserializeSeed<'de> for Shape<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a section or a single value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        if self.is_setting() { Err(refused("there is no value here")) } else { Ok(()) }
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(refused("'!' at the beginning of a value is a tag in YAML, not text"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(refused("this is a list in YAML, not a single value"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        if self.is_setting() {
            return Err(refused("this is a section in YAML, not a single value"));
        }
        while let Some(key) = entries.next_key::<String>()? {
            let path = if self.path.is_empty() { key } else { format!("{}.{key}", self.path) };
            entries.next_value_seed(Shape { path, keys: &mut *self.keys })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_does_not_take_for_a_value_is_an_error_with_its_line() {
        for (written, part) in [
            ("!hunter2", "is a tag in YAML"),
            ("!hunter2 more", "is a tag in YAML"),
            ("", "there is no value here"),
            ("~", "there is no value here"),
            ("null", "there is no value here"),
            ("&hunter2", "there is no value here"),
            ("#hunter2", "there is no value here"),
            ("[hunter2]", "is a list in YAML"),
            ("{hunter2: x}", "is a section in YAML"),
            ("*hunter2", "unknown anchor"),
            ("@hunter2", "cannot start"),
            ("%hunter2", "cannot start"),
            ("\n\thunter2", "cannot start"),
            ("\"hunter2", "end"),
        ] {
            let why =
                keys_of(&format!("database:\n  host: x\n  password: {written}\n")).unwrap_err().to_string();
            let has_line = why.contains("line 3") || why.contains("line 4");
            assert!(why.contains(part) && has_line, "{written:?}: {why}");
            assert!(!why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn a_section_may_be_empty_and_text_may_look_like_anything() {
        let text = "database:\nkitchen:\n  cooking_seconds:\nrabbitmq:\n  password: yes\n  user: 1e5\n  host: 0x10\n";
        assert_eq!(keys_of(text).unwrap(), ["rabbitmq.password", "rabbitmq.user", "rabbitmq.host"]);
    }
}
