//! Examples of bodies, by the names of their schemas.

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Array, ArrayItems};
use utoipa::openapi::{Content, OpenApi, RefOr, Schema};

/// An example of a body.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The name of the body's schema. For a list the name of its items' one, and `[]`.
    pub schema: &'static str,
    /// Tells it apart from others of the same schema.
    pub name: &'static str,
    /// What it shows.
    pub summary: &'static str,
    /// The body.
    pub value: Value,
}

impl Sample {
    /// Bodies of names, texts and numbers can always be written.
    pub fn new(
        schema: &'static str,
        name: &'static str,
        summary: &'static str,
        body: impl Serialize,
    ) -> Self {
        Self { schema, name, summary, value: serde_json::to_value(body).unwrap_or(Value::Null) }
    }
}

/// All operations.
pub(crate) fn operations(description: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    let paths = description.paths.paths.values_mut();
    paths.flat_map(|path| {
        let changing = [&mut path.put, &mut path.post, &mut path.delete, &mut path.patch];
        let others = [&mut path.get, &mut path.head, &mut path.options, &mut path.trace, &mut path.query];
        changing.into_iter().chain(others).flatten()
    })
}

/// Adds the examples to every body of their schemas, in requests and in responses of a success.
pub(crate) fn add_examples(description: &mut OpenApi, samples: &[Sample]) {
    for operation in operations(description) {
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            for content in body.content.values_mut() {
                add(content, samples);
            }
        }
        for (status, response) in &mut operation.responses.responses {
            let RefOr::T(response) = response else { continue };
            if !status.starts_with('2') {
                continue;
            }
            for content in response.content.values_mut() {
                add(content, samples);
            }
        }
    }
}

fn add(content: &mut RefOr<Content>, samples: &[Sample]) {
    let RefOr::T(content) = content else { return };
    let Some(schema) = content.schema.as_ref().and_then(name_of) else { return };
    let fitting: Vec<&Sample> = samples.iter().filter(|sample| sample.schema == schema).collect();
    for Sample { name, summary, value, .. } in fitting {
        let example = ExampleBuilder::new().summary(*summary).value(Some(value.clone())).build();
        content.examples.insert((*name).to_owned(), example.into());
    }
}

/// The name of a schema that is referred to, or that of a list of such.
fn name_of(schema: &RefOr<Schema>) -> Option<String> {
    match schema {
        RefOr::Ref(reference) => {
            reference.ref_location.strip_prefix("#/components/schemas/").map(ToOwned::to_owned)
        }
        RefOr::T(Schema::Array(Array { items: ArrayItems::RefOrSchema(item), .. })) => {
            name_of(item).map(|item| item + "[]")
        }
        RefOr::T(_) => None,
    }
}
