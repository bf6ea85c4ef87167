//! Origins of web pages.

use std::fmt;
use std::str::FromStr;

use crate::comma_list::entries;

/// Origins (RFC 6454) such as `https://shop.example` or `http://localhost:8080`, as browsers write
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

/// A text is no list of origins.
#[derive(Debug, thiserror::Error)]
#[error(
    "names '{0}', which is no origin (allowed: scheme, host, and port if there is one, such as https://shop.example, separated by commas)"
)]
pub struct ParseOriginsError(String);

impl Origins {
    /// Whether this is one of them.
    pub fn contain(&self, origin: &str) -> bool {
        self.0.iter().any(|known| known.eq_ignore_ascii_case(origin))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromStr for Origins {
    type Err = ParseOriginsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let checked = entries(text).map(|origin| {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            let is_origin = host.is_some_and(|host| {
                !host.is_empty()
                    && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
            });
            is_origin.then(|| origin.to_owned()).ok_or_else(|| ParseOriginsError(origin.to_owned()))
        });
        checked.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("none") } else { f.write_str(&self.0.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_origins_is_read_and_nothing_else() {
        let origins: Origins = "https://shop.example, http://localhost:8080,".parse().unwrap();
        assert!(origins.contain("https://SHOP.example") && origins.contain("http://localhost:8080"));
        assert!(!origins.contain("http://shop.example") && !origins.contain("null"));
        assert_eq!(origins.to_string(), "https://shop.example, http://localhost:8080");
        assert_eq!("".parse::<Origins>().unwrap(), Origins::default());
        for wrong in [
            ",",
            ", ,",
            "shop.example",
            "*",
            "null",
            "https://",
            "https://shop.example/",
            "https://a b",
            "ftp://a",
        ] {
            let why = wrong.parse::<Origins>().unwrap_err().to_string();
            assert!(why.contains(&format!("'{wrong}'")), "{why}");
        }
    }
}
