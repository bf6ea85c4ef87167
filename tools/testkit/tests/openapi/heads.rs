//! `HEAD` wherever there is `GET`, and answers to `GET` as they are described.

use testkit::http::send;

use crate::description::{Description, members};
use crate::scene::{AUTHORIZATION, Scene, filled, schema_of};
use crate::schema::misfits;

#[tokio::test]
async fn each_get_answers_as_described_and_each_head_like_its_get() {
    let scene = Scene::open().await;
    let number = scene.prepare().await;
    scene.until_ticket(&number).await;
    let headers = [("Authorization", AUTHORIZATION), ("Accept", "application/json")];
    for (name, service) in scene.services() {
        let description = Description::of(service).await;
        for operation in description.operations() {
            let otherwise = &operation.described["responses"]["default"]["headers"];
            for header in ["Retry-After", "Allow"] {
                let described = description.resolved(&otherwise[header]);
                assert!(!described.is_null(), "{name}: {} has no {header}", operation.name());
            }
        }
        for operation in description.operations().iter().filter(|operation| operation.method == "GET") {
            let path = filled(operation, &number);
            let head = send(service.port(), "HEAD", &path, &headers, b"").await;
            assert_eq!(head.body, "", "{name} {path}");
            if operation.streams() {
                assert_eq!((head.status, head.header("content-type")), (200, "text/event-stream"), "{path}");
                continue;
            }
            let got = send(service.port(), "GET", &path, &headers, b"").await;
            // No order came by message.
            let expected = if operation.path == "/order_status/{order_id}" { 404 } else { 200 };
            assert_eq!((got.status, head.status), (expected, expected), "{name} {path}: {got:?}");
            for header in ["content-type", "cache-control", "vary", "allow", "content-security-policy"] {
                assert_eq!(head.headers.get(header), got.headers.get(header), "{name} {path}: {header}");
            }
            let response = operation.response(&description, got.status);
            assert_eq!(got.headers.contains_key("etag"), head.headers.contains_key("etag"), "{path}");
            assert_eq!(got.headers.contains_key("etag"), !response["headers"]["ETag"].is_null(), "{path}");
            for (header, _) in members(&response["headers"]) {
                assert!(got.headers.contains_key(&header.to_lowercase()), "{path} has no {header}");
            }
            if let Some(schema) = schema_of(response, &got) {
                let misfits = misfits(&description, schema, &got.json());
                assert!(misfits.is_empty(), "{name} {path}: {misfits:#?}");
            }
        }
    }
}
