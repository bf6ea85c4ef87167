//! Examples of the descriptions: they fit their schemas, and the services take them.

use serde_json::Value;
use testkit::Service;

use crate::description::{Description, Operation, members};
use crate::scene::{Scene, filled, schema_of};
use crate::schema::misfits;

/// The examples of a body, each with the schema that it must fit.
fn examples(body: &Value) -> impl Iterator<Item = (&String, &Value, &Value)> {
    members(&body["content"]).flat_map(|(_, content)| {
        members(&content["examples"]).map(|(name, example)| (name, &example["value"], &content["schema"]))
    })
}

#[tokio::test]
async fn every_example_fits_its_schema() {
    let scene = Scene::open().await;
    for (name, service) in scene.services() {
        let description = Description::of(service).await;
        for operation in description.operations() {
            let responses = members(&operation.described["responses"]).map(|(_, response)| response);
            for body in responses.chain([&operation.described["requestBody"]]) {
                for (example, value, schema) in examples(body) {
                    let misfits = misfits(&description, schema, value);
                    assert!(misfits.is_empty(), "{name} {} {example}: {misfits:#?}", operation.name());
                }
            }
        }
    }
}

#[tokio::test]
async fn every_answer_of_a_success_has_an_example() {
    let scene = Scene::open().await;
    for (name, service) in scene.services() {
        for operation in Description::of(service).await.operations() {
            // It is an example itself.
            if operation.path == "/openapi.json" {
                continue;
            }
            for (status, response) in members(&operation.described["responses"]) {
                let json = &response["content"]["application/json"];
                let lacks = status.starts_with('2') && !json.is_null() && json["examples"].is_null();
                assert!(!lacks, "{name} {} {status}: a sample for {}", operation.name(), json["schema"]);
            }
        }
    }
}

/// What takes no example: it takes the staff's key, or a form with it.
const WITHOUT_EXAMPLE: [&str; 1] = ["POST /staff/session"];

#[tokio::test]
async fn every_example_of_a_request_is_taken() {
    let scene = Scene::open().await;
    for (_, service) in scene.services() {
        let description = Description::of(service).await;
        for operation in description.operations() {
            let body = &operation.described["requestBody"];
            if body.is_null() || WITHOUT_EXAMPLE.contains(&operation.name().as_str()) {
                continue;
            }
            assert!(examples(body).count() > 0, "{} has no example", operation.name());
            for (example, value, _) in examples(body) {
                is_taken(&scene, service, &description, &operation, example, value).await;
            }
        }
    }
}

/// Sends an example. What the order service refuses while it sells from the menu, it takes while
/// guests name the prices.
async fn is_taken(
    scene: &Scene,
    service: &Service,
    description: &Description,
    operation: &Operation,
    example: &str,
    value: &Value,
) {
    let number = scene.prepare().await;
    if operation.path.starts_with("/tickets") {
        scene.until_ticket(&number).await;
    }
    let steps_before: &[&str] = match operation.path.rsplit('/').next() {
        Some("ready") => &["start"],
        Some("recall") => &["start", "ready"],
        _ => &[],
    };
    for step in steps_before {
        let answer = scene.staff(service, "POST", &format!("/tickets/{number}/{step}"), "").await;
        assert_eq!(answer.status, 200, "{step}: {answer:?}");
    }
    let path = filled(operation, &number);
    let mut answer = scene.staff(service, &operation.method, &path, &value.to_string()).await;
    if answer.status == 400 && service.port() == scene.order.port() {
        answer = scene.staff(&scene.free, &operation.method, &path, &value.to_string()).await;
    }
    assert_eq!(answer.status / 100, 2, "{} {example}: {answer:?}", operation.name());
    let response = operation.response(description, answer.status);
    if let Some(schema) = schema_of(response, &answer) {
        let misfits = misfits(description, schema, &answer.json());
        assert!(misfits.is_empty(), "{} {example}: {misfits:#?}", operation.name());
    }
}
