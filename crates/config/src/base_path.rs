//! The path below which a gateway shows a service.

use std::fmt;
use std::str::FromStr;

/// A path such as `/restaurant`: no slash at its end. Empty: the service is at the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// A text is no base path.
#[derive(Debug, thiserror::Error)]
#[error(
    "is '{0}', which is no base path (allowed: a path such as /restaurant, of letters, digits and - . _ ~, or nothing)"
)]
pub struct ParseBasePathError(String);

impl BasePath {
    /// The path, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the service is at the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// What follows this path in another one. `None` if that does not lie below this one.
    pub fn rest_of<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.0.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The longest path that both lie below, or are.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let pairs = self.0.split('/').zip(other.0.split('/'));
        let same: Vec<&str> = pairs.take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
        Self(same.join("/"))
    }
}

impl FromStr for BasePath {
    type Err = ParseBasePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = text.strip_suffix('/').unwrap_or(text);
        if path.is_empty() {
            return Ok(Self::default());
        }
        let is_segment = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        let is_path = path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_segment));
        is_path.then(|| Self(path.to_owned())).ok_or_else(|| ParseBasePathError(text.to_owned()))
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "/" } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> BasePath {
        text.parse().unwrap()
    }

    #[test]
    fn a_path_is_read_and_nothing_else() {
        for (text, expected) in
            [("", ""), ("/", ""), ("/a", "/a"), ("/a/", "/a"), ("/a-1/b_2.c~", "/a-1/b_2.c~")]
        {
            assert_eq!(path(text).as_str(), expected, "{text}");
        }
        for wrong in ["a", "//", "/a//b", "/a b", "/../a", "/.", "/a?b", "/a%20", "https://a", "/é", "/a;b"]
        {
            let why = wrong.parse::<BasePath>().unwrap_err().to_string();
            assert!(why.contains(&format!("'{wrong}'")), "{why}");
        }
    }

    #[test]
    fn paths_are_compared_by_whole_segments() {
        assert_eq!(path("/shop").rest_of("/shop/orders"), Some("/orders"));
        assert_eq!(path("/shop").rest_of("/shop"), Some(""));
        assert_eq!(path("/shop").rest_of("/shopping"), None);
        assert_eq!(path("").rest_of("/orders"), Some("/orders"));
        for (a, b, expected) in [
            ("/shop/order", "/shop/tracking", "/shop"),
            ("/shop", "/shopping", ""),
            ("/shop", "/shop", "/shop"),
            ("", "/shop", ""),
        ] {
            assert_eq!(path(a).common(&path(b)), path(expected), "{a} {b}");
        }
    }
}
