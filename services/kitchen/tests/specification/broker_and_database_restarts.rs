//! "All RabbitMQ connections must handle reconnection scenarios", with real servers
//! that really restart.

use testkit::{Stage, orders};

use crate::observe::{history, until};

#[tokio::test]
async fn orders_are_cooked_once_although_both_servers_restart_meanwhile() {
    let mut stage = Stage::with_own_servers().await;
    let orders = stage.order_service().start().await;
    let mut numbers = Vec::new();
    for order in [orders::takeout(), orders::dine_in(), orders::delivery()].iter().cycle().take(12) {
        numbers.push(orders.place(order).await);
    }
    let first = stage.kitchen_worker("chef_1").cooking_seconds(0.7).start().await;
    let second = stage.kitchen_worker("chef_2").cooking_seconds(0.7).start().await;
    first.logs("order_completed", 1).await;
    stage.own_servers().rabbitmq.restart().await.expect("the broker comes back");
    // However many were cooked in the meantime, more are waiting.
    orders.until_status("/readyz", 200).await;
    for _ in 0..12 {
        numbers.push(orders.place(&orders::takeout()).await);
    }
    let completed = || first.logged("order_completed").len() + second.logged("order_completed").len();
    let before = completed();
    testkit::eventually("three orders more", async || (completed() >= before + 3).then_some(())).await;
    stage.own_servers().postgres.restart().await.expect("the database comes back");

    let database = stage.database().await;
    for number in &numbers {
        until(&database, number, "ready").await;
        let history = history(&database, number).await;
        let statuses: Vec<_> = history.iter().map(|(status, _)| status.as_str()).collect();
        assert_eq!(statuses, ["received", "cooking", "ready"], "{number}: {history:?}");
    }
    let outbox = "select count(*) from status_outbox";
    testkit::eventually("every change to be published", async || {
        (database.value(outbox).await == 0).then_some(())
    })
    .await;
}
