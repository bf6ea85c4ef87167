//! A busy system that is well has no findings, however often one looks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use testkit::Stage;
use testkit::orders::{delivery, dine_in, takeout};

use crate::scene::{audit, until_at_rest};

const GUESTS: usize = 12;
const ORDERS_OF_A_GUEST: usize = 30;

#[tokio::test]
async fn under_load_nothing_is_found() {
    let stage = Stage::new().await;
    let orders = Arc::new(stage.order_service().start().await);
    let _mario =
        stage.kitchen_worker("chef_mario").arg("--concurrency=4").cooking_seconds(0.05).start().await;
    let _anna = stage.kitchen_worker("chef_anna").arg("--prefetch=6").cooking_seconds(0.02).start().await;
    let left = Arc::new(AtomicUsize::new(GUESTS));
    for _ in 0..GUESTS {
        let (orders, left) = (Arc::clone(&orders), Arc::clone(&left));
        tokio::spawn(async move {
            for order in [takeout(), dine_in(), delivery()].iter().cycle().take(ORDERS_OF_A_GUEST) {
                orders.place(order).await;
            }
            left.fetch_sub(1, Ordering::Relaxed);
        });
    }
    let database = stage.database().await;
    let mut audits = 0;
    while left.load(Ordering::Relaxed) > 0
        || database.value("select count(*) from orders where status in ('received', 'cooking')").await != 0
    {
        audit(&stage, &[]).await.assert_well();
        audit(&stage, &["--since=1h"]).await.assert_well();
        audits += 2;
    }
    assert!(audits >= 4, "only {audits} audits saw the load");
    until_at_rest(&database).await;
    let said = audit(&stage, &["--settled"]).await;
    said.assert_well();
    assert_eq!(said.document["orders"], GUESTS * ORDERS_OF_A_GUEST);
}
