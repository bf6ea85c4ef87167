//! The `Idempotency-Key` header: a repeated request is stored once (IETF draft,
//! httpapi-idempotency-key-header).

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// The client's name for one attempt to place an order: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(Arc<str>);

/// The header's value is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {} visible ASCII characters, best a UUID, with or without quotes",
    IdempotencyKey::MAX_LENGTH
)]
pub struct ParseKeyError;

impl IdempotencyKey {
    /// The longest key, in characters.
    pub const MAX_LENGTH: usize = 255;

    /// Parses the header's value: a quoted string as the draft requires (RFC 9651), or a bare one
    /// as most clients send it.
    ///
    /// # Errors
    /// The value has neither form.
    pub fn parse(value: &[u8]) -> Result<Self, ParseKeyError> {
        let text = std::str::from_utf8(value).map_err(|_| ParseKeyError)?.trim_matches([' ', '\t']);
        let key = match text.strip_prefix('"') {
            Some(quoted) => unquoted(quoted.strip_suffix('"').ok_or(ParseKeyError)?).ok_or(ParseKeyError)?,
            None if text.contains(['"', '\\', ',']) => return Err(ParseKeyError),
            None => text.to_owned(),
        };
        let sane =
            (1..=Self::MAX_LENGTH).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if sane { Ok(Self(key.into())) } else { Err(ParseKeyError) }
    }

    /// The key without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Removes the escapes of a quoted string. Only `\"` and `\\` are escapes (RFC 9651, section
/// 3.3.3).
fn unquoted(inside: &str) -> Option<String> {
    let mut text = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(next) = chars.next() {
        match next {
            '\\' => text.push(chars.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            '"' => return None,
            other => text.push(other),
        }
    }
    Some(text)
}

/// SHA-256 of a request's body. It tells different bodies apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Hashes a request's body, byte for byte.
    pub fn of(body: &[u8]) -> Self {
        Self(Sha256::digest(body).into())
    }

    /// The 32 bytes, as they are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A request that the client may repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// The client's key.
    pub key: IdempotencyKey,
    /// The fingerprint of its body.
    pub fingerprint: Fingerprint,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(value: &str) -> Result<String, ParseKeyError> {
        IdempotencyKey::parse(value.as_bytes()).map(|key| key.as_str().to_owned())
    }

    #[test]
    fn quoted_and_bare_keys_are_the_same() {
        for value in ["\"8e03978e-40d5\"", "8e03978e-40d5", " 8e03978e-40d5\t"] {
            assert_eq!(parsed(value).unwrap(), "8e03978e-40d5");
        }
        assert_eq!(parsed(r#""a\"b\\c""#).unwrap(), r#"a"b\c"#);
        assert_eq!(parsed(&"k".repeat(255)).unwrap().len(), 255);
    }

    #[test]
    fn other_values_are_not_keys() {
        for value in [
            "",
            " ",
            "\"\"",
            "\"",
            "\"a",
            "a\"",
            "a b",
            "\"a b\"",
            "a,b",
            "\"a\", \"b\"",
            r#""a\n""#,
            "é",
            "a\u{0}b",
        ] {
            assert_eq!(parsed(value), Err(ParseKeyError), "{value:?}");
        }
        assert_eq!(parsed(&"k".repeat(256)), Err(ParseKeyError));
        assert_eq!(IdempotencyKey::parse(b"\xff"), Err(ParseKeyError));
    }

    proptest! {
        #[test]
        fn a_quoted_key_comes_back(key in "[!-~]{1,255}") {
            let quoted = format!("\"{}\"", key.replace('\\', r"\\").replace('"', "\\\""));
            prop_assert_eq!(parsed(&quoted).unwrap(), key);
        }

        #[test]
        fn nothing_from_outside_breaks_it(value in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = IdempotencyKey::parse(&value);
        }
    }
}
