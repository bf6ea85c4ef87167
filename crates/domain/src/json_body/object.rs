//! Parses JSON objects, and names the kind of any other JSON value.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Byte order marks of UTF-8 and of both kinds of UTF-16. Some editors and programs write them.
const BYTE_ORDER_MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];

/// Parses the fields of a body. The hint says what to send instead of something else.
///
/// # Errors
/// The reason, as the end of a sentence that begins with "the body".
pub(crate) fn readable<'a, T: Deserialize<'a>>(body: &'a [u8], hint: &str) -> Result<T, String> {
    if body.trim_ascii().is_empty() {
        return Err(format!("is empty: {hint}"));
    }
    if BYTE_ORDER_MARKS.iter().any(|mark| body.starts_with(mark)) {
        return Err("begins with a byte order mark: send it as UTF-8 without one".to_owned());
    }
    let unreadable = |why: String| format!("is not a JSON object that can be read: {why}");
    let text = std::str::from_utf8(body)
        .map_err(|why| unreadable(format!("invalid UTF-8 after byte {}", why.valid_up_to())))?;
    object(text).map_err(|why| match why {
        ParseObjectError::OfKind(kind) => format!("is {kind}: {hint}"),
        ParseObjectError::Unreadable(why) => unreadable(why),
    })
}

/// Why a text is not a JSON object.
pub(crate) enum ParseObjectError {
    /// It is JSON of this other kind.
    OfKind(&'static str),
    /// It is not JSON, or repeats a field. The text says where.
    Unreadable(String),
}

/// Parses a JSON object. (A derived struct alone would also accept an array, field by field.)
pub(crate) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ParseObjectError> {
    let unreadable = |why: serde_json::Error| ParseObjectError::Unreadable(why.to_string());
    let start = text.trim_start_matches([' ', '\t', '\n', '\r']);
    let kind = match start.bytes().next() {
        None | Some(b'{') => return serde_json::from_str(text).map_err(unreadable),
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b'n') => "null",
        Some(b't' | b'f') => "true or false",
        Some(_) => "a number",
    };
    // If the text also has a syntax error, report that instead: it is the more useful answer.
    serde_json::from_str::<IgnoredAny>(text).map_err(unreadable)?;
    Err(ParseObjectError::OfKind(kind))
}
