//! Schemas of texts.

use utoipa::openapi::Object;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

/// Any text.
pub fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String))
}

/// One of these words.
pub fn one_of<const N: usize>(words: [&'static str; N]) -> Object {
    text().enum_values(Some(words)).build()
}
