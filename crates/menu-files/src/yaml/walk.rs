//! Walks over a document and reports what it passes. Everything here is a visitor of serde, so that
//! an error gets its line.
//!
//! Values are reported as they were written: `9.50` stays `9.50` and never becomes a float.

use std::fmt;

use domain::record::{FieldKind, Value};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// What a walk reports. An error of a method ends the walk, and gets the line of what was reported.
pub(super) trait Sink {
    /// An entry begins.
    fn entry(&mut self) -> Result<(), String>;
    /// A field of the entry follows. Says how to read it, or that it is to be skipped.
    fn field(&mut self, name: &str) -> Result<Option<FieldKind>, String>;
    /// The value of the field; `None` if there is none.
    fn value(&mut self, value: Option<Value>);
}

/// The whole document: a mapping with the one key `list`.
pub(super) struct Document<'a, S> {
    pub(super) list: &'static str,
    pub(super) sink: &'a mut S,
}

/// The list of entries.
struct Entries<'a, S>(&'a mut S);

/// One entry.
struct OneEntry<'a, S>(&'a mut S);

/// The name of a field.
struct FieldName<'a, S>(&'a mut S);

/// A value that is one text.
struct OneText;

/// A value that is a list of texts.
struct ListOfTexts;

/// A tag says that a value is not the text that stands there.
pub(super) fn tagged<E: Error>() -> E {
    E::custom("'!' at the beginning of a value is a tag in YAML, not text: put the value in quotes")
}

impl<'de, S: Sink> DeserializeSeed<'de> for Document<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Document<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a mapping with the list '{}'", self.list)
    }

    /// A document without a value, such as one of comments only.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut keys: A) -> Result<(), A::Error> {
        let mut is_first = true;
        while keys.next_key_seed(ListName { list: self.list, is_first })?.is_some() {
            is_first = false;
            keys.next_value_seed(Entries(&mut *self.sink))?;
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(tagged())
    }
}

/// The one key of the document.
struct ListName {
    list: &'static str,
    is_first: bool,
}

impl<'de> DeserializeSeed<'de> for ListName {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for ListName {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the word '{}'", self.list)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<(), E> {
        let list = self.list;
        match word == list {
            true if self.is_first => Ok(()),
            true => Err(E::custom(format_args!("the list '{list}' is there twice"))),
            false => Err(E::custom(format_args!("unknown word '{}' (allowed: {list})", word.escape_debug()))),
        }
    }
}

impl<'de, S: Sink> DeserializeSeed<'de> for Entries<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Entries<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, each entry of which begins with '- '")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_element_seed(OneEntry(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(tagged())
    }
}

impl<'de, S: Sink> DeserializeSeed<'de> for OneEntry<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for OneEntry<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of words and values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.0.entry().map_err(A::Error::custom)?;
        while let Some(kind) = fields.next_key_seed(FieldName(&mut *self.0))? {
            match kind {
                None => _ = fields.next_value::<IgnoredAny>()?,
                Some(FieldKind::Text) => self.0.value(fields.next_value_seed(OneText)?),
                Some(FieldKind::List) => self.0.value(fields.next_value_seed(ListOfTexts)?),
            }
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(tagged())
    }
}

impl<'de, S: Sink> DeserializeSeed<'de> for FieldName<'_, S> {
    type Value = Option<FieldKind>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<S: Sink> Visitor<'_> for FieldName<'_, S> {
    type Value = Option<FieldKind>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        self.0.field(name).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for OneText {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for OneText {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Value::Text(text.to_owned())))
    }
}

impl<'de> DeserializeSeed<'de> for ListOfTexts {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for ListOfTexts {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list such as [a, b]")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(text) = texts.next_element_seed(OneText)? {
            match text {
                Some(Value::Text(text)) => list.push(text),
                _ => return Err(A::Error::custom("an element of the list has no value")),
            }
        }
        Ok(Some(Value::List(list)))
    }
}
