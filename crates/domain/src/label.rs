//! Short texts that staff write for people to read.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text_rules::{self, TextFault};

/// A text of one line: the rules of `item.name` (1 to 50 visible characters), and no space at its
/// ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

/// Why a text is not a label.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseLabelError {
    /// It breaks a rule of names. There may be more faults; this is the first.
    #[error(transparent)]
    Text(TextFault),
    /// Nobody sees this space, and yet it makes another text.
    #[error("must not begin or end with a space")]
    SpaceAround,
}

impl Label {
    /// A text of ours, which keeps the rules.
    pub(crate) fn of_static(text: &'static str) -> Self {
        debug_assert!(text.parse::<Self>().is_ok(), "{text:?}");
        Self(text.into())
    }

    /// The text as it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = ParseLabelError;

    fn from_str(text: &str) -> Result<Self, ParseLabelError> {
        if let Some(fault) = text_rules::item_name(text).into_iter().next() {
            return Err(ParseLabelError::Text(fault));
        }
        if text != text.trim() {
            return Err(ParseLabelError::SpaceAround);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_visible_line_without_spaces_around_it() {
        for good in ["Happy hour", "Phở & Bún", "🍕", "10 % off", &"x".repeat(50)] {
            assert_eq!(good.parse::<Label>().unwrap().as_str(), good);
        }
        for bad in ["", " ", " Soups", "Soups ", "So\tups", "So\nups", "So\u{200b}ups", &"x".repeat(51)] {
            assert!(bad.parse::<Label>().is_err(), "{bad:?}");
        }
    }
}
