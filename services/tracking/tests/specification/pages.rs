//! The pages of the tracking service. Beyond the specification.

use testkit::Service;
use testkit::http::{Answer, send};

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
