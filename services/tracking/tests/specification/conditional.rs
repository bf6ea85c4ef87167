//! Clients that poll: `ETag`, `If-None-Match`, 304 (RFC 9110).

use testkit::http::{self, Answer};
use testkit::{Service, Stage};

use crate::records::{NUMBER, claim, log, open, store};

const STATUS: &str = "/orders/ORD_20241216_001/status";
const HISTORY: &str = "/orders/ORD_20241216_001/history";

async fn ask(service: &Service, path: &str, if_none_match: &str) -> Answer {
    http::send(service.port(), "GET", path, &[("If-None-Match", if_none_match)], b"").await
}

async fn another_service(stage: &Stage) -> Service {
    stage.tracking_service().ready_when_probed().start().await
}

#[tokio::test]
async fn a_client_with_the_current_answer_gets_only_its_tag() {
    let (stage, database, service) = open().await;
    store(&database, NUMBER, "received", "null").await;
    log(&database, NUMBER, "received", "order-service", "2024-12-16 10:30:00Z").await;
    let other = another_service(&stage).await;
    for path in [STATUS, HISTORY, "/workers/status"] {
        let first = service.get(path).await;
        assert_eq!((first.status, first.header("cache-control")), (200, "no-cache"));
        let tag = first.header("etag");
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20, "{tag}");
        for (service, known) in [
            (&service, tag.to_owned()),
            (&service, format!("W/{tag}")),
            (&service, format!("\"other\", {tag}")),
            (&service, "*".to_owned()),
            (&other, tag.to_owned()),
        ] {
            let answer = ask(service, path, &known).await;
            assert_eq!((answer.status, answer.header("etag")), (304, tag), "{known}: {answer:?}");
            assert_eq!(answer.header("cache-control"), "no-cache");
            assert!(answer.body.is_empty(), "{answer:?}");
            // They would describe a body of no bytes.
            for header in ["content-length", "content-type"] {
                assert!(!answer.headers.contains_key(header), "{answer:?}");
            }
            assert!(!answer.header("x-request-id").is_empty());
        }
        for unknown in ["\"other\"", "W/\"other\"", tag.trim_matches('"'), "", "\"", "\u{e9}"] {
            let answer = ask(&service, path, unknown).await;
            assert_eq!((answer.status, &answer.body), (200, &first.body), "{unknown}");
        }
    }
}

#[tokio::test]
async fn every_change_of_the_answer_changes_its_tag() {
    let (_stage, database, service) = open().await;
    store(&database, NUMBER, "received", "null").await;
    log(&database, NUMBER, "received", "order-service", "2024-12-16 10:30:00Z").await;
    let set = async |what: &str| database.execute(&format!("update orders set {what}")).await;
    let mut tags = vec![service.get(STATUS).await.header("etag").to_owned()];
    let mut changed = async || {
        let answer = ask(&service, STATUS, &tags.join(", ")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        tags.push(answer.header("etag").to_owned());
    };
    set("status = 'cooking'").await;
    changed().await;
    set("processed_by = 'chef_mario'").await;
    changed().await;
    set("updated_at = '2024-12-16 10:32:00.001Z'").await;
    changed().await;
    claim(&database, NUMBER).await;
    changed().await;
    // A further step changes the history.
    let before = service.get(HISTORY).await.header("etag").to_owned();
    log(&database, NUMBER, "cooking", "chef_mario", "2024-12-16 10:32:00Z").await;
    let after = ask(&service, HISTORY, &before).await;
    assert_eq!((after.status, after.json().as_array().unwrap().len()), (200, 2));
    assert_ne!(after.header("etag"), before);
}

#[tokio::test]
async fn a_missing_order_is_a_404_whatever_tag_the_client_sends() {
    let (_stage, _database, service) = open().await;
    for path in [STATUS, HISTORY] {
        let answer = ask(&service, path, "*").await;
        assert_eq!(answer.status, 404);
        assert!(!answer.headers.contains_key("etag"), "{answer:?}");
    }
}
