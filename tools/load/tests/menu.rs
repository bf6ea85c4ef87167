//! `restaurant-load --menu`: orders from the menu of a running service.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

use serde_json::{Value, json};
use testkit::http::send;
use testkit::{Launch, Service, Stage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const KEY: &str = "the-staff-knows-this-key";
const JSON: (&str, &str) = ("Content-Type", "application/json");

fn load(orders: u16) -> Launch {
    Launch::new("restaurant-load", Vec::new())
        .arg(format!("--url=http://127.0.0.1:{orders}"))
        .arg("--connections=4")
        .arg("--warmup=0.2")
        .arg("--duration=2")
        .arg("--menu")
}

/// An order service whose menu is on, and empty.
async fn shop(stage: &Stage) -> Service {
    stage.order_service().env("MENU_MODE", "on").env("ORDER_STAFF_KEY", KEY).start().await
}

async fn put(service: &Service, path: &str, body: Value) {
    let bearer = format!("Bearer {KEY}");
    let headers = [JSON, ("Authorization", bearer.as_str())];
    let answer = send(service.port(), "PUT", path, &headers, body.to_string().as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn orders_from_the_menu_cost_what_is_quoted_and_get_what_is_left() {
    const LEFT: u32 = 40;
    let stage = Stage::new().await;
    let (orders, tracking) = (shop(&stage).await, stage.tracking_service().start().await);
    let database = stage.database().await;
    let rule = "insert into price_rules (id, kind, label, percent) values ('less', 'discount', 'A third less', 33.3333)";
    database.execute(rule).await;
    // The service sees the rule with its own edits.
    put(&orders, "/menu/items/soup", json!({"name": "Soup", "price": 4.35})).await;
    put(&orders, "/menu/items/tea", json!({"name": "Tea", "price": 2.8})).await;
    put(&orders, "/menu/items/ice", json!({"name": "Ice", "price": 3.9, "order_types": ["dine_in"]})).await;
    put(&orders, "/inventory/soup", json!({"left": LEFT})).await;
    tracking.until_status("/readyz", 200).await;
    let tracking = format!("--tracking=http://127.0.0.1:{}", tracking.port());
    let ended = load(orders.port()).arg(tracking).arg("--json").run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let results: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(results["accepted"].as_u64().unwrap() > 0, "{results}");
    // What is not there is no failure of the service.
    let all = [&results, &results["outside_time_measured"]];
    let short = all.map(|part| part["refused_by_menu"]["out_of_stock"].as_u64().unwrap_or(0));
    assert!(short.iter().sum::<u64>() > 0, "{results}");
    assert!(all.iter().all(|part| part["refused"] == json!({})), "{results}");
    assert_eq!((&results["mispriced"], &results["unanswered"]), (&json!(0), &json!(0)), "{results}");
    let audit = &results["audit"];
    assert_eq!(audit["found"], audit["acknowledged"], "{results}");
    let sold = "select sum(quantity) from order_items where name = 'Soup'";
    let left = "select \"left\" from inventory_items where item_id = 'soup'";
    let (sold, left) = (database.value(sold).await, database.value(left).await);
    assert_eq!(sold.as_u64().unwrap() + left.as_u64().unwrap(), u64::from(LEFT));
    let with_rule = "select count(*) = (select count(distinct order_id) from order_adjustments) from orders";
    assert_eq!(database.value(with_rule).await, true);
}

#[tokio::test]
async fn without_something_to_order_nobody_is_loaded() {
    let stage = Stage::new().await;
    let (without, empty) = (stage.order_service().start().await, shop(&stage).await);
    for (launch, code, complaint) in [
        (load(without.port()), 1, "its menu is off. Switch it on (MENU_MODE=on)"),
        (load(empty.port()), 1, "its menu has nothing that can be ordered now. Import one"),
        (load(empty.port()).arg("--statuses=ORD_20261121_001..5"), 2, "leave one of them out"),
    ] {
        let ended = launch.arg("--no-audit").run_to_end().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{ended:?}");
        assert!(ended.stderr.contains(complaint), "{complaint}: {ended:?}");
    }
    // Guests who price their dishes order what the menu does not have.
    let url = format!("--url=http://127.0.0.1:{}", empty.port());
    let launch = Launch::new("restaurant-load", Vec::new()).arg(url).arg("--warmup=0").arg("--duration=1");
    let ended = launch.arg("--no-audit").run_to_end().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains(" refused by the menu: unknown_item"), "{ended:?}");
    assert!(ended.stderr.contains("refused every order (unknown_item)"), "{ended:?}");
}

/// An order service that quotes 5.00 at first, and later as it says; and that wants 6.00.
async fn serve(listener: TcpListener, later: &'static str) {
    loop {
        let (mut guest, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let (mut request, mut has_ordered) = ([0; 4_096], false);
            while let Ok(count @ 1..) = guest.read(&mut request).await {
                let head = String::from_utf8_lossy(&request[..count]);
                let body = match head.split(' ').nth(1).unwrap() {
                    "/health" => r#"{"service":"order-service"}"#.to_owned(),
                    "/menu" => {
                        let item = json!({"id": "soup", "order_types": ["takeout"], "sold_out": false});
                        json!({"categories": [{"items": [item]}]}).to_string()
                    }
                    "/calculate_price" => {
                        format!(r#"{{"total":{}}}"#, if has_ordered { later } else { "5.00" })
                    }
                    _ => {
                        has_ordered = true;
                        r#"{"order_number":"ORD_20261121_001","total_amount":6.00}"#.to_owned()
                    }
                };
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                guest.write_all(answer.as_bytes()).await.unwrap();
                if head.contains(" HTTP/1.0\r\n") {
                    return;
                }
            }
        });
    }
}

#[tokio::test]
async fn a_total_that_the_service_does_not_quote_is_an_error() {
    for (later, code, complaint) in [
        ("5.00", 1, "such as ORD_20261121_001 costs 6.00, and should cost 5.00"),
        // A rule has begun to apply.
        ("6.00", 0, ""),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(serve(listener, later));
        let launch = load(port).arg("--connections=1").arg("--warmup=0").arg("--duration=0.5");
        let ended = launch.arg("--no-audit").run_to_end().await;
        serving.abort();
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains(complaint), "{ended:?}");
    }
}
