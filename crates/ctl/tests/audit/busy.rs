//! A busy system that is well has no findings, however often one looks.

use std::sync::Arc;

use testkit::Stage;
use testkit::orders::{delivery, dine_in, takeout};
use tokio::task::JoinSet;

use crate::scene::{audit, until_at_rest};

const GUESTS: usize = 12;
const ORDERS_OF_A_GUEST: usize = 30;

#[tokio::test]
async fn under_load_nothing_is_found() {
    let stage = Stage::new().await;
    let orders = Arc::new(stage.order_service().start().await);
    orders.declared_all().await;
    let _mario =
        stage.kitchen_worker("chef_mario").arg("--concurrency=4").cooking_seconds(0.05).start().await;
    let _anna = stage.kitchen_worker("chef_anna").arg("--prefetch=6").cooking_seconds(0.02).start().await;
    let mut guests = JoinSet::new();
    for _ in 0..GUESTS {
        let orders = Arc::clone(&orders);
        guests.spawn(async move {
            let mut accepted = 0;
            for order in [takeout(), dine_in(), delivery()].iter().cycle().take(ORDERS_OF_A_GUEST) {
                // On a machine that is short of breath an order may be refused: that is well, too.
                accepted += usize::from(orders.post("/orders", &order.to_string()).await.status == 200);
            }
            accepted
        });
    }
    let database = stage.database().await;
    let (mut audits, mut accepted) = (0, 0);
    loop {
        while let Some(served) = guests.try_join_next() {
            accepted += served.unwrap();
        }
        audit(&stage, &[]).await.assert_well();
        audit(&stage, &["--since=1h"]).await.assert_well();
        audits += 2;
        let under_way = "select count(*) from orders where status in ('received', 'cooking')";
        if guests.is_empty() && database.value(under_way).await == 0 {
            break;
        }
    }
    assert!(audits >= 4, "only {audits} audits saw the load");
    until_at_rest(&database).await;
    let said = audit(&stage, &["--settled"]).await;
    said.assert_well();
    let stored = said.document["orders"].as_u64().unwrap();
    assert!(accepted > 0 && stored >= accepted as u64, "{accepted} accepted, {stored} stored");
}
