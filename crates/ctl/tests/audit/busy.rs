//! A busy and healthy system has no findings, however often it is audited.

use std::sync::Arc;
use std::time::{Duration, Instant};

use testkit::Stage;
use testkit::orders::{delivery, dine_in, takeout};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::scene::{audit, until_at_rest};

/// A hundred times the usual duration.
const LIMIT: Duration = Duration::from_mins(5);
const GUESTS: usize = 12;
const ROUNDS: usize = 3;
const ORDERS_OF_A_ROUND: usize = 10;

#[tokio::test]
async fn under_load_nothing_is_found() {
    let stage = Stage::new().await;
    let orders = Arc::new(stage.order_service().start().await);
    orders.declared_all().await;
    let _mario =
        stage.kitchen_worker("chef_mario").arg("--concurrency=4").cooking_seconds(0.05).start().await;
    let _anna = stage.kitchen_worker("chef_anna").arg("--prefetch=6").cooking_seconds(0.02).start().await;
    // Every round of orders is placed while audits run, however slow the machine is.
    let (bell, heard) = watch::channel(0);
    let mut guests = JoinSet::new();
    for _ in 0..GUESTS {
        let (orders, mut heard) = (Arc::clone(&orders), heard.clone());
        guests.spawn(async move {
            let mut accepted = 0;
            for round in 1..=ROUNDS {
                heard.wait_for(|rung| *rung >= round).await.unwrap();
                for order in [takeout(), dine_in(), delivery()].iter().cycle().take(ORDERS_OF_A_ROUND) {
                    // An overloaded machine may refuse an order. That is correct, too.
                    accepted += usize::from(orders.post("/orders", &order.to_string()).await.status == 200);
                }
            }
            accepted
        });
    }
    let database = stage.database().await;
    let mut accepted = 0;
    let start = Instant::now();
    for round in 1.. {
        assert!(start.elapsed() < LIMIT, "orders are still under way");
        bell.send_replace(round);
        audit(&stage, &[]).await.assert_well();
        audit(&stage, &["--since=1h"]).await.assert_well();
        while let Some(served) = guests.try_join_next() {
            accepted += served.unwrap();
        }
        let under_way = "select count(*) from orders where status in ('received', 'cooking')";
        if round >= ROUNDS && guests.is_empty() && database.value(under_way).await == 0 {
            break;
        }
    }
    until_at_rest(&database).await;
    let said = audit(&stage, &["--settled"]).await;
    said.assert_well();
    let stored = said.document["orders"].as_u64().unwrap();
    assert!(accepted > 0 && stored >= accepted as u64, "{accepted} accepted, {stored} stored");
}
