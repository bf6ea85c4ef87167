//! Orders are placed and cooked while thousands of old ones go, and the audit is well throughout.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use testkit::eventually;
use testkit::orders::{delivery, dine_in, takeout};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::scene::{OLD, Scene};

const PAST: u32 = 30_000;
const GUESTS: usize = 8;
/// Many times the usual duration.
const LIMIT: Duration = Duration::from_mins(5);

#[tokio::test]
async fn nobody_notices() {
    let scene = Scene::with_past(PAST, 8).await;
    let stage = &scene.stage;
    let orders = Arc::new(stage.order_service().start().await);
    orders.declared_all().await;
    let mut anna = stage.kitchen_worker("chef_anna").arg("--concurrency=8").start().await;
    let mut mario = stage.kitchen_worker("chef_mario").arg("--concurrency=8").start().await;
    let is_over = Arc::<AtomicBool>::default();
    let mut guests = JoinSet::new();
    for _ in 0..GUESTS {
        let (orders, is_over) = (Arc::clone(&orders), Arc::clone(&is_over));
        guests.spawn(async move {
            let mut statuses = Vec::new();
            for order in [takeout(), dine_in(), delivery()].iter().cycle() {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                statuses.push(orders.post("/orders", &order.to_string()).await.status);
            }
            statuses
        });
    }
    let going = format!("orders where status in ('completed', 'cancelled') and {OLD}");
    let all = scene.count(&going).await;
    let mut pruning = scene.prune(&["--yes"]).start().await;
    let begun = async || (scene.count(&going).await < all).then_some(());
    eventually("some orders to be gone", begun).await;
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < LIMIT, "{}", pruning.everything());
        scene.audit_is_well().await;
        if scene.count(&going).await == 0 {
            break;
        }
    }
    let status = pruning.wait().await;
    assert!(status.success(), "{}", pruning.everything());
    is_over.store(true, Ordering::Relaxed);
    let mut placed = 0;
    while let Some(statuses) = guests.join_next().await {
        let statuses = statuses.unwrap();
        placed += statuses.len();
        // An overloaded machine may refuse an order. That is correct, too.
        assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    }
    assert!(placed > GUESTS, "{placed} orders");
    let open = "orders where status in ('received', 'cooking')";
    eventually("the new orders to be ready", async || (scene.count(open).await == 0).then_some(())).await;
    scene.numbers_are_whole().await;
    scene.audit_is_well().await;
    for worker in [&mut anna, &mut mario] {
        assert_eq!(worker.stop().await, Some(0));
    }
}

/// Two who prune at once take turns, and record everything once.
#[tokio::test]
async fn two_at_once_share_the_work() {
    let scene = Scene::with_past(4_000, 9).await;
    let planned = scene.pruned(&["--dry-run"]).await;
    let (one, other) = tokio::join!(scene.pruned(&["--yes"]), scene.pruned(&["--yes"]));
    for figure in ["completed", "cancelled", "requests", "workers"] {
        let count = |report: &serde_json::Value| report[figure].as_u64().unwrap();
        // What the other one has in hand is counted by it. What it leaves, a next run takes.
        assert!(count(&one) + count(&other) <= count(&planned), "{figure}: {one} {other} {planned}");
    }
    scene.pruned(&["--yes"]).await;
    assert_eq!(scene.count(&format!("orders where status = 'completed' and {OLD}")).await, 0);
    scene.numbers_are_whole().await;
    scene.audit_is_well().await;
}
