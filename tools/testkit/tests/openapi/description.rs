//! A description, as a service gives it.

use serde_json::{Map, Value};
use testkit::Service;

/// What `/openapi.json` of a service says.
pub struct Description(pub Value);

/// An operation, with its place.
#[derive(Clone)]
pub struct Operation {
    /// In upper case.
    pub method: String,
    /// With parameters in braces.
    pub path: String,
    pub described: Value,
}

impl Description {
    pub async fn of(service: &Service) -> Self {
        let answer = service.get("/openapi.json").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        Self(answer.json())
    }

    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, methods) in members(&self.0["paths"]) {
            for (method, described) in members(methods) {
                let (method, path) = (method.to_uppercase(), path.clone());
                operations.push(Operation { method, path, described: described.clone() });
            }
        }
        operations
    }

    /// What a `$ref` leads to, or the value itself.
    pub fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(reference) = value["$ref"].as_str() else { return value };
        let pointer = reference.strip_prefix('#').expect("a place in the same document");
        self.0.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }
}

impl Operation {
    /// The method and the path.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The response of a status, or that of every other error.
    pub fn response<'a>(&'a self, description: &'a Description, status: u16) -> &'a Value {
        let responses = &self.described["responses"];
        let response = responses.get(status.to_string());
        let response = response.or_else(|| responses.get("default").filter(|_| status >= 400));
        description.resolved(response.unwrap_or_else(|| panic!("{} describes no {status}", self.name())))
    }

    /// Whether it answers with a stream.
    pub fn streams(&self) -> bool {
        !self.described["responses"]["200"]["content"]["text/event-stream"].is_null()
    }
}

/// The members of an object; none of anything else.
pub fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
