//! The pages of the tracking service. Beyond the specification.

use testkit::http::{Answer, send};
use testkit::{Service, Stage};

use crate::records::{NUMBER, open, store};

const BROWSER: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

async fn ask(service: &Service, path: &str, accepted: &str) -> Answer {
    send(service.port(), "GET", path, &[("Accept", accepted)], b"").await
}

#[tokio::test]
async fn an_order_has_a_tracker_and_an_unknown_one_has_none() {
    let (_stage, database, service) = open().await;
    store(&database, NUMBER, "received", "null").await;
    let page = ask(&service, &format!("/track/{NUMBER}"), BROWSER).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.body.contains("<order-tracker"), "{page:?}");
    let script = page.body.split('"').find(|text| text.contains("assets/order-tracker.")).unwrap();
    assert_eq!(service.get(script.strip_prefix("..").unwrap()).await.status, 200);
    for unknown in ["/track/ORD_20200101_001", "/track/nonsense", "/track/"] {
        let page = ask(&service, unknown, BROWSER).await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (404, "text/html; charset=utf-8"),
            "{unknown}"
        );
        let problem = ask(&service, unknown, "application/json").await;
        assert_eq!((problem.status, problem.header("content-type")), (404, "application/problem+json"));
    }
}

#[tokio::test]
async fn the_board_is_a_page_for_browsers() {
    let (_stage, _database, service) = open().await;
    let page = ask(&service, "/board", BROWSER).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.body.contains("<ready-board") && page.header("vary").contains("Accept"));
}

#[tokio::test]
async fn the_kitchen_is_a_page_of_the_staff_and_the_sign_in_leads_to_it() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let key = "the-staff-knows-this-key";
    let service = stage.tracking_service().env("ORDER_STAFF_KEY", key).ready_when_probed().start().await;
    let html = ("Accept", BROWSER);
    let refused = ask(&service, "/kitchen", BROWSER).await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, "Bearer"));
    assert_eq!(refused.header("cache-control"), "no-store");
    assert!(refused.body.contains("action=\"staff/session\"") && !refused.body.contains("<kitchen-display"));
    let problem = ask(&service, "/kitchen", "application/json").await;
    assert_eq!((problem.status, problem.header("content-type")), (401, "application/problem+json"));

    let headers =
        [("Content-Type", "application/x-www-form-urlencoded"), html, ("Origin", "http://localhost")];
    let body = format!("key={key}");
    let signed_in = send(service.port(), "POST", "/staff/session", &headers, body.as_bytes()).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "../kitchen"), "{signed_in:?}");
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    let page = send(service.port(), "GET", "/kitchen", &[html, ("Cookie", &cookie)], b"").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.body.contains("<kitchen-display aria-busy"), "to look at, not to cook with: {page:?}");
    let script = page.body.split('"').find(|text| text.contains("assets/kitchen.")).unwrap();
    assert_eq!(service.get(script.strip_prefix('.').unwrap()).await.status, 200);
}
