//! Where browsers find a service.

use std::fmt;
use std::str::FromStr;

use crate::BasePath;

/// A URL such as `https://shop.example/order`: an origin, and perhaps a path below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebUrl {
    /// As browsers write it: lower case, without the port that the scheme implies.
    origin: String,
    path: BasePath,
}

/// A text is no such URL.
#[derive(Debug, thiserror::Error)]
#[error(
    "is '{0}', which is no URL of a service (allowed: scheme, host, and port and path if there are, such as https://shop.example/order)"
)]
pub struct ParseWebUrlError(String);

impl WebUrl {
    /// Its origin (RFC 6454), as browsers write it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The path below which the service is found.
    pub fn path(&self) -> &BasePath {
        &self.path
    }

    /// Whether browsers reach it over TLS.
    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

impl FromStr for WebUrl {
    type Err = ParseWebUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let why = || ParseWebUrlError(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(why)?;
        let default_port = match scheme.to_ascii_lowercase().as_str() {
            "http" => ":80",
            "https" => ":443",
            _ => return Err(why()),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let authority = authority.strip_suffix(default_port).unwrap_or(authority);
        let has_host = authority.split(':').next().is_some_and(|host| !host.is_empty());
        let is_authority =
            authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
        if !has_host || !is_authority {
            return Err(why());
        }
        let path = path.parse().map_err(|_| why())?;
        Ok(Self { origin: format!("{scheme}://{authority}").to_ascii_lowercase(), path })
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_nothing_else() {
        for (text, origin, path) in [
            ("https://shop.example", "https://shop.example", ""),
            ("https://shop.example/", "https://shop.example", ""),
            ("HTTPS://Shop.Example:443/order/", "https://shop.example", "/order"),
            ("http://localhost:3000", "http://localhost:3000", ""),
            ("http://127.0.0.1:80/a/b", "http://127.0.0.1", "/a/b"),
            ("http://[::1]:3000", "http://[::1]:3000", ""),
        ] {
            let url: WebUrl = text.parse().unwrap();
            assert_eq!((url.origin(), url.path().as_str()), (origin, path), "{text}");
            assert_eq!(url.to_string().parse::<WebUrl>().unwrap(), url);
            assert_eq!(url.is_https(), origin.starts_with("https"));
        }
        for wrong in [
            "",
            "shop.example",
            "ftp://shop.example",
            "https://",
            "https://:443",
            "https:///order",
            "https://a b",
            "https://user@shop.example",
            "https://shop.example/?a=b",
            "https://shop.example/#a",
            "https://*.example",
        ] {
            let why = wrong.parse::<WebUrl>().unwrap_err().to_string();
            assert!(why.contains(&format!("'{wrong}'")), "{why}");
        }
    }
}
