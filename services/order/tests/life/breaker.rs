//! While the database is away, orders are refused at once.

use serde_json::json;
use testkit::orders::{takeout, with};
use testkit::{Stage, eventually, http};

#[tokio::test]
async fn after_some_failures_orders_are_refused_at_once_until_the_database_is_back() {
    let stage = Stage::new().await;
    let proxy = stage.postgres_proxy().await;
    let service = stage.order_service().env("DB_PORT", proxy.port().to_string()).start().await;
    service.place(&takeout()).await;
    proxy.cut();
    // Known to be away: an order that is stored at the very moment of the cut has an unknown
    // outcome.
    service.until_status("/readyz", 503).await;
    let order = takeout().to_string();
    let mut failed = 0;
    let refused = eventually("a refusal", async || {
        let answer = service.post("/orders", &order).await;
        failed += usize::from(answer.status == 500);
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert!(failed >= 1, "the first ones fail by themselves");
    assert_eq!((&refused.json()["code"], &refused.json()["status"]), (&"database_away".into(), &503.into()));
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=8).contains(&seconds), "{refused:?}");
    let opened = service.log("db_breaker_opened").await;
    assert_eq!(opened["level"], "ERROR", "{opened}");

    // Whoever needs no database is served.
    let wrong = with(takeout(), "/items/0/quantity", json!(0)).to_string();
    assert_eq!(service.post("/orders", &wrong).await.status, 400);
    assert_eq!(service.get("/livez").await.status, 200);
    assert_eq!(service.get("/nowhere").await.status, 404);
    let page = http::send(service.port(), "GET", "/", &[("Accept", "text/html")], b"").await;
    assert_eq!(page.status, 200, "{page:?}");

    // Ready means that orders are taken.
    proxy.mend();
    service.until_status("/readyz", 200).await;
    service.place(&takeout()).await;
    service.log("db_breaker_closed").await;
    let stored =
        stage.database().await.value("select count(*) from orders where status <> 'cancelled'").await;
    assert_eq!(stored, 2, "what was refused or failed was not stored");
}
