//! YAML is parsed here and nowhere else: `serde_yaml` is archived, and can be exchanged here.

use serde::de::DeserializeSeed;

/// What the parser says about a text that it cannot read.
pub type Error = serde_yaml::Error;

/// Reads the one document of a text.
///
/// # Errors
/// The text is not YAML, has several documents, or is not what the seed expects. An error of the
/// seed's visitors gets the path, the line and the column of the value at which it arises.
pub fn read<'de, S: DeserializeSeed<'de>>(seed: S, text: &'de str) -> Result<S::Value, Error> {
    seed.deserialize(serde_yaml::Deserializer::from_str(text))
}

/// Whether there is no document, or one without a value.
pub fn says_nothing(text: &str) -> bool {
    matches!(serde_yaml::from_str(text), Ok(serde_yaml::Value::Null))
}

/// The line of an error, from 1, and what is wrong there.
pub fn line_and_reason(why: &Error) -> (usize, String) {
    let text = why.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    (why.location().map_or(1, |location| location.line()), reason.to_owned())
}
