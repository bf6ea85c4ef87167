//! Whether a value fits a schema (JSON Schema 2020-12, which OpenAPI 3.1 uses), and has no member
//! that the schema does not describe.

use jsonschema::Draft;
use serde_json::{Value, json};

use crate::description::Description;

/// All that does not fit, each with its place in the value.
pub fn misfits(description: &Description, schema: &Value, value: &Value) -> Vec<String> {
    let mut components = description.0["components"].clone();
    for component in components["schemas"].as_object_mut().into_iter().flat_map(|named| named.values_mut()) {
        close(description, component);
    }
    let mut schema = schema.clone();
    close(description, &mut schema);
    // References lead to the components of the same document.
    let document = json!({ "allOf": [schema], "components": components });
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    let validator = options.build(&document).unwrap_or_else(|why| panic!("no schema: {why}"));
    validator.iter_errors(value).map(|misfit| format!("{} {misfit}", misfit.instance_path())).collect()
}

/// Closes objects with named members: they have no others.
fn close(description: &Description, schema: &mut Value) {
    let Some(keywords) = schema.as_object_mut() else { return };
    for name in ["properties", "items", "additionalProperties", "oneOf", "anyOf"] {
        match (name, keywords.get_mut(name)) {
            ("items" | "additionalProperties", Some(inner)) => close(description, inner),
            (_, Some(Value::Object(inner))) => inner.values_mut().for_each(|inner| close(description, inner)),
            (_, Some(Value::Array(inner))) => inner.iter_mut().for_each(|inner| close(description, inner)),
            _ => {}
        }
    }
    // A part has some of the members. So the parts stay open, and the whole is closed.
    for part in keywords.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        *part = description.resolved(part).clone();
        close(description, part);
        if let Some(part) = part.as_object_mut() {
            part.remove("unevaluatedProperties");
        }
    }
    let has_named_members = keywords.contains_key("properties") || keywords.contains_key("allOf");
    if has_named_members && !keywords.contains_key("additionalProperties") {
        keywords.insert("unevaluatedProperties".to_owned(), false.into());
    }
}

#[test]
fn what_does_not_fit_is_found() {
    let description = Description(json!({ "components": { "schemas": {
        "Id": { "type": "string", "pattern": "^[a-z-]+$", "maxLength": 8 },
        "Named": { "type": "object", "properties": { "id": { "$ref": "#/components/schemas/Id" } },
                   "required": ["id"] },
        "Whole": { "allOf": [
            { "$ref": "#/components/schemas/Named" },
            { "type": "object", "properties": { "at": { "type": "string", "format": "date-time" } } },
        ] },
    } } }));
    let misfits = |schema: &str, value: &Value| {
        misfits(&description, &json!({ "$ref": format!("#/components/schemas/{schema}") }), value)
    };
    for (schema, value) in [
        ("Named", json!({ "id": "pho-bo" })),
        ("Whole", json!({ "id": "pho-bo", "at": "2026-11-30T08:04:21.453Z" })),
    ] {
        assert_eq!(misfits(schema, &value), Vec::<String>::new(), "{schema} {value}");
    }
    for (schema, value) in [
        ("Named", json!({})),
        ("Named", json!({ "id": "pho bo" })),
        ("Named", json!({ "id": "much-too-long" })),
        ("Named", json!({ "id": "pho-bo", "more": 1 })),
        ("Whole", json!({ "id": "pho-bo", "more": 1 })),
        ("Whole", json!({ "id": "pho-bo", "at": "noon" })),
    ] {
        assert_ne!(misfits(schema, &value), Vec::<String>::new(), "{schema} {value}");
    }
}
