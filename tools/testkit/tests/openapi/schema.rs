//! Whether a value fits a schema: the keywords of JSON Schema that our descriptions use.

use serde_json::Value;

use crate::description::{Description, members};

/// All that does not fit, each with its place in the value.
pub fn misfits(description: &Description, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let schema = description.resolved(schema);
    let mut misfits = Vec::new();
    let mut wrong = |what: String| misfits.push(format!("{place} {what}: {value}"));
    if !types(schema).is_empty() && !types(schema).iter().any(|kind| is_of(kind, value)) {
        wrong(format!("is none of {}", schema["type"]));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        wrong("is not in the list".to_owned());
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
        && number < least
    {
        wrong(format!("is less than {least}"));
    }
    if let (Some(most), Some(number)) = (schema["maximum"].as_f64(), value.as_f64())
        && number > most
    {
        wrong(format!("is more than {most}"));
    }
    if let (Some(most), Some(text)) = (schema["maxLength"].as_u64(), value.as_str())
        && text.chars().count() as u64 > most
    {
        wrong(format!("is longer than {most}"));
    }
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    for name in required.iter().filter_map(Value::as_str) {
        if value.is_object() && value.get(name).is_none() {
            wrong(format!("has no {name}"));
        }
    }
    for (name, inner) in members(value) {
        let at = format!("{place}/{name}");
        if let Some(property) = schema["properties"].get(name) {
            misfits.extend(self::misfits(description, property, inner, &at));
        } else if schema["additionalProperties"].is_object() {
            misfits.extend(self::misfits(description, &schema["additionalProperties"], inner, &at));
        } else if schema["properties"].is_object() && !is_part(schema) {
            misfits.push(format!("{at} is not described"));
        }
    }
    for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
        if schema["items"].is_object() {
            misfits.extend(self::misfits(description, &schema["items"], inner, &format!("{place}/{index}")));
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        misfits.extend(of_part(description, part, value, place));
    }
    for keyword in ["oneOf", "anyOf"] {
        let Some(variants) = schema[keyword].as_array() else { continue };
        let of_variants = variants.iter().map(|variant| self::misfits(description, variant, value, place));
        let of_variants: Vec<_> = of_variants.collect();
        if of_variants.iter().all(|misfits| !misfits.is_empty()) {
            misfits.push(format!("{place} fits no variant: {of_variants:?}"));
        }
    }
    misfits
}

/// A part of `allOf` describes some of the members.
fn of_part(description: &Description, part: &Value, value: &Value, place: &str) -> Vec<String> {
    let misfits = misfits(description, part, value, place).into_iter();
    misfits.filter(|misfit| !misfit.ends_with(" is not described")).collect()
}

/// Whether more members are described elsewhere.
fn is_part(schema: &Value) -> bool {
    !schema["allOf"].is_null()
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type: {other}"),
    }
}
