//! The formats of files.

use std::path::Path;
use std::str::FromStr;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A list of mappings.
    Yaml,
    /// RFC 4180, with the names of the fields in the first row.
    Csv,
}

/// The text does not name a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format '{0}' (allowed: yaml, csv)")]
pub struct ParseFormatError(pub String);

impl Format {
    /// The format that the extension of a file means; `None` for any other extension.
    pub fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, ParseFormatError> {
        match text {
            "yaml" => Ok(Self::Yaml),
            "csv" => Ok(Self::Csv),
            other => Err(ParseFormatError(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_says_the_format() {
        for (path, format) in [
            ("menu.yaml", Some(Format::Yaml)),
            ("/a/menu.YML", Some(Format::Yaml)),
            ("prices.Csv", Some(Format::Csv)),
            ("menu.json", None),
            ("menu", None),
            (".csv", None),
        ] {
            assert_eq!(Format::of_path(Path::new(path)), format, "{path}");
        }
        assert_eq!("csv".parse(), Ok(Format::Csv));
        assert!("CSV".parse::<Format>().is_err());
    }
}
