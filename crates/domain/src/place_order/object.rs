//! JSON objects, or what there is in the place of one.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// What a client should send.
const AN_ORDER: &str = "send a JSON object with customer_name, order_type and items";
/// How texts begin that some editors and programs save: in UTF-8, and in UTF-16
/// of both byte orders.
const BYTE_ORDER_MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];

/// Reads the fields of a body, or says why it cannot be read, as the rest of a sentence.
pub(super) fn readable<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    if body.trim_ascii().is_empty() {
        return Err(format!("is empty: {AN_ORDER}"));
    }
    if BYTE_ORDER_MARKS.iter().any(|mark| body.starts_with(mark)) {
        return Err("begins with a byte order mark: send it as UTF-8 without one".to_owned());
    }
    let unreadable = |why: String| format!("is not a JSON object that can be read: {why}");
    let text = std::str::from_utf8(body)
        .map_err(|why| unreadable(format!("invalid UTF-8 after byte {}", why.valid_up_to())))?;
    object(text).map_err(|why| match why {
        ParseObjectError::OfKind(kind) => format!("is {kind}: {AN_ORDER}"),
        ParseObjectError::Unreadable(why) => unreadable(why),
    })
}

/// Why a text is no JSON object.
pub(super) enum ParseObjectError {
    /// It is JSON of another kind, which is named.
    OfKind(&'static str),
    /// It is no JSON, or has a field twice; the text says where.
    Unreadable(String),
}

/// Reads a JSON object. (A derived struct would take an array, too, field by field.)
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ParseObjectError> {
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
    // A syntax error is the better answer, where there is one.
    serde_json::from_str::<IgnoredAny>(text).map_err(unreadable)?;
    Err(ParseObjectError::OfKind(kind))
}
