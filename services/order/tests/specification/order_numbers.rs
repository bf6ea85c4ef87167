//! "Generate `order_number`": `ORD_YYYYMMDD_NNN`, from 001 each UTC day, without gaps and
//! doubles whoever asks.

use std::collections::BTreeSet;

use testkit::orders::takeout;
use testkit::{Stage, http};
use tokio::task::JoinSet;

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

#[tokio::test]
async fn numbers_count_from_001() {
    let stage = Stage::new().await;
    stage.database().await.set_clock("2024-12-16 10:30:00+00").await;
    let service = stage.order_service().start().await;
    for expected in ["ORD_20241216_001", "ORD_20241216_002", "ORD_20241216_003"] {
        assert_eq!(service.place(&takeout()).await, expected);
    }
}

#[tokio::test]
async fn the_day_is_the_utc_day_of_the_databases_clock() {
    let stage = Stage::new().await;
    let database = stage.database().await;
    database.execute(&format!("alter database {} set timezone = 'Pacific/Auckland'", stage.name)).await;
    database.set_clock("2024-12-31 23:59:59.999+00").await;
    let service = stage.order_service().start().await;
    assert_eq!(service.place(&takeout()).await, "ORD_20241231_001");
    assert_eq!(service.place(&takeout()).await, "ORD_20241231_002");
    database.set_clock("2025-01-01 00:00:00+00").await;
    assert_eq!(service.place(&takeout()).await, "ORD_20250101_001");
    // Midnight may come back, when the clock is set or another server takes over.
    database.set_clock("2024-12-31 23:59:59.999+00").await;
    assert_eq!(service.place(&takeout()).await, "ORD_20241231_003");
}

#[tokio::test]
async fn the_number_after_999_is_1000() {
    let stage = Stage::new().await;
    stage.database().await.set_clock("2024-12-16 10:30:00+00").await;
    let service = stage.order_service().start().await;
    service.place(&takeout()).await;
    stage.database().await.execute("update order_counters set last_number = 998").await;
    for expected in ["ORD_20241216_999", "ORD_20241216_1000", "ORD_20241216_1001"] {
        assert_eq!(service.place(&takeout()).await, expected);
    }
    let message = stage.broker().await.take("kitchen_takeout_queue").await;
    assert_eq!(message.json()["order_number"], "ORD_20241216_001");
}

#[tokio::test]
async fn several_services_at_once_give_every_number_once_and_leave_none_out() {
    const SERVICES: usize = 3;
    const CLIENTS: usize = 8;
    const ORDERS: usize = 10;
    let stage = Stage::new().await.at_noon().await;
    let launch = stage.order_service();
    let (first, second, third) = tokio::join!(launch.start(), launch.start(), launch.start());
    let mut clients = JoinSet::new();
    for service in [&first, &second, &third] {
        let port = service.port();
        for client in 0..CLIENTS {
            clients.spawn(async move {
                let mut numbers = Vec::new();
                for order in 0..ORDERS {
                    // Refused orders in between must take no number.
                    if (client + order) % 4 == 0 {
                        assert_eq!(http::send(port, "POST", "/orders", JSON, b"{}").await.status, 400);
                    }
                    let body = takeout().to_string();
                    let answer = http::send(port, "POST", "/orders", JSON, body.as_bytes()).await;
                    numbers.push(answer.json()["order_number"].as_str().unwrap_or("refused").to_owned());
                }
                numbers
            });
        }
    }
    let numbers: Vec<String> = clients.join_all().await.into_iter().flatten().collect();
    let services = [first, second, third];
    let errors = services.iter().flat_map(|service| service.logged("rabbitmq_publish_failed"));
    assert!(!numbers.contains(&"refused".to_owned()), "{:?}", errors.collect::<Vec<_>>());
    let given: BTreeSet<u32> =
        numbers.iter().map(|number| number.rsplit('_').next().unwrap().parse().unwrap()).collect();
    let all = SERVICES * CLIENTS * ORDERS;
    assert_eq!(numbers.len(), all);
    assert_eq!(given, (1..=u32::try_from(all).unwrap()).collect());
    assert_eq!(stage.broker().await.ready("kitchen_takeout_queue").await, u32::try_from(all).unwrap());
}
