//! Whether orders go by the menu.

use std::fmt;
use std::str::FromStr;

/// Who says what an item costs, and whether there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MenuMode {
    /// The guest: any name, at any price.
    #[default]
    Off,
    /// The menu.
    On,
}

impl FromStr for MenuMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_lowercase().as_str() {
            "off" => Ok(Self::Off),
            "on" => Ok(Self::On),
            _ => Err(()),
        }
    }
}

impl fmt::Display for MenuMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::On => "on",
        })
    }
}
