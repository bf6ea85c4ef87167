//! The category of an item.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::label::{Label, ParseLabelError};

/// The heading under which an item stands on the menu, such as `Soups`. Two categories are the same
/// if their texts are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Category(Label);

impl Category {
    /// The category of items for which none is given.
    pub const DEFAULT: &'static str = "Other";

    /// The name as it is stored and shown.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for Category {
    type Err = ParseLabelError;

    fn from_str(text: &str) -> Result<Self, ParseLabelError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// [`Self::DEFAULT`].
impl Default for Category {
    fn default() -> Self {
        Self(Label::of_static(Self::DEFAULT))
    }
}
