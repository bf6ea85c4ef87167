//! The id of an item on the menu.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest id, in characters.
pub(crate) const MAX_LENGTH: usize = 64;

/// The id of an item on the menu, such as `pho-bo`: `[a-z0-9][a-z0-9-]{0,63}`. It is safe in a URL,
/// in a file name and in a log line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MenuItemId(Arc<str>);

/// The text is not the id of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 of the characters a-z, 0-9 and '-', and must not begin with '-'")]
pub struct ParseItemIdError;

/// Whether a text has the form of an id. Items and price rules share it.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=MAX_LENGTH).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

impl MenuItemId {
    /// The id as it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same text, not copied.
    pub(super) fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

impl FromStr for MenuItemId {
    type Err = ParseItemIdError;

    fn from_str(text: &str) -> Result<Self, ParseItemIdError> {
        if is_id(text) { Ok(Self(text.into())) } else { Err(ParseItemIdError) }
    }
}

impl fmt::Display for MenuItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for MenuItemId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MenuItemId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_ids_are_accepted() {
        for good in ["pho-bo", "7", "a-", "a--b", "0-0", &"x".repeat(64)] {
            assert_eq!(good.parse::<MenuItemId>().unwrap().as_str(), good);
        }
        for bad in
            ["", "-a", "Pho", "pho_bo", "pho bo", "phở", "a/b", "a.b", "a\n", "../a", "٣", &"x".repeat(65)]
        {
            assert_eq!(bad.parse::<MenuItemId>(), Err(ParseItemIdError), "{bad:?}");
        }
    }

    #[test]
    fn json_and_back() {
        let id: MenuItemId = serde_json::from_str("\"pho-bo\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"pho-bo\"");
        assert!(serde_json::from_str::<MenuItemId>("\"Pho\"").is_err());
    }
}
