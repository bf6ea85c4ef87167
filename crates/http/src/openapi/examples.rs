//! Examples of bodies, by the names of their schemas.

use serde_json::Value;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, OpenApi, RefOr, Schema};

/// An example of a body.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The name of the body's schema.
    pub schema: &'static str,
    /// Tells it apart from others of the same schema.
    pub name: &'static str,
    /// What it shows.
    pub summary: &'static str,
    /// The body.
    pub value: Value,
}

/// All operations.
pub(crate) fn operations(description: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    let paths = description.paths.paths.values_mut();
    paths.flat_map(|path| {
        [&mut path.get, &mut path.put, &mut path.post, &mut path.delete].into_iter().flatten()
    })
}

/// Adds the examples to every body of their schemas, in requests and responses.
pub fn add_examples(description: &mut OpenApi, samples: &[Sample]) {
    for operation in operations(description) {
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            for content in body.content.values_mut() {
                add(content, samples);
            }
        }
        for response in operation.responses.responses.values_mut() {
            let RefOr::T(response) = response else { continue };
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

/// The name of a schema that is referred to.
fn name_of(schema: &RefOr<Schema>) -> Option<&str> {
    match schema {
        RefOr::Ref(reference) => reference.ref_location.strip_prefix("#/components/schemas/"),
        RefOr::T(_) => None,
    }
}
