//! Taking an order back that was said to be ready too early.

use serde_json::json;
use testkit::orders::takeout;

use crate::scene::{Scene, bump, manual, numbers, until};

async fn ready(scene: &Scene) -> String {
    let number = scene.ticketed(&takeout()).await;
    scene.bumped(&number, "start", "received").await;
    scene.bumped(&number, "ready", "cooking").await;
    number
}

#[tokio::test]
async fn a_recalled_order_keeps_its_age_and_place_and_counts_once() {
    let scene = Scene::open().await;
    let number = ready(&scene).await;
    let later = scene.ticketed(&takeout()).await;
    let before = scene.until(&number, "ready").await;
    let recalled = scene.bumped(&number, "recall", "ready").await;
    assert_eq!(
        (&recalled["status"], &recalled["recalled"], &recalled["ours"]),
        (&json!("cooking"), &json!(true), &json!(true))
    );
    assert_eq!(recalled["created_at"], before["created_at"]);
    assert_eq!(numbers(&scene.board().await["tickets"]), [&*number, &*later]);
    assert_eq!(
        scene.log(&number).await,
        ["received order-service", "cooking chef_anna", "ready chef_anna", "cooking chef_anna recalled"]
    );
    let claim = "select worker from order_claims";
    assert_eq!(scene.database.value(claim).await, "chef_anna");
    scene.assert_well().await;

    scene.bumped(&number, "ready", "cooking").await;
    assert_eq!(scene.processed().await, 1);
    assert_eq!(scene.worker.log("order_recalled").await["details"]["order_number"], number.as_str());
    scene.assert_well().await;
}

/// What was made ready a moment ago is still in the hands of its task. The recall waits for it.
#[tokio::test]
async fn an_order_is_recalled_right_after_it_is_ready() {
    let scene = Scene::open().await;
    let number = ready(&scene).await;
    for _ in 0..20 {
        scene.bumped(&number, "recall", "ready").await;
        scene.bumped(&number, "ready", "cooking").await;
    }
    assert_eq!(scene.log(&number).await.len(), 3 + 2 * 20);
    assert_eq!(scene.processed().await, 1);
    scene.assert_well().await;
}

/// After a start the board has the latest orders of an earlier process, not all of half an hour.
#[tokio::test]
async fn an_order_that_is_not_on_the_board_is_recalled_too() {
    let mut scene = Scene::open().await;
    let number = ready(&scene).await;
    assert_eq!(scene.worker.stop().await, Some(0));
    scene.database.execute("update order_status_log set changed_at = now() - interval '1 hour'").await;
    let again = manual(&scene.stage, "chef_anna").start().await;
    assert_eq!(crate::scene::board(&again).await["done"], json!([]));
    let recalled = bump(&again, &number, "recall", "ready").await;
    assert_eq!((recalled.status, &recalled.json()["status"]), (200, &json!("cooking")), "{recalled:?}");
    until(&again, &number, "cooking").await;
    assert_eq!(bump(&again, &number, "ready", "cooking").await.status, 200);
    assert_eq!(scene.processed().await, 1);
}

/// The claim is renewed like every other one.
#[tokio::test]
async fn a_recalled_order_stays_claimed() {
    let scene = Scene::open().await;
    let number = ready(&scene).await;
    scene.bumped(&number, "recall", "ready").await;
    let lease = "select lease_until::text from order_claims";
    let first = scene.database.value(lease).await;
    testkit::eventually("the lease to be renewed", async || {
        (scene.database.value(lease).await != first).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_completed_or_cancelled_is_not_recalled() {
    let scene = Scene::open().await;
    for (change, status) in [("complete", "completed"), ("cancel", "cancelled")] {
        let number = ready(&scene).await;
        scene.change(&number, change).await;
        let refused = scene.bump(&number, "recall", "ready").await;
        let problem = refused.json();
        assert_eq!(
            (refused.status, &problem["current_status"], &problem["changed_by"]),
            (409, &json!(status), &json!("staff"))
        );
        assert_eq!(scene.status(&number).await, status);
    }
}

#[tokio::test]
async fn after_half_an_hour_it_is_too_late() {
    let scene = Scene::open().await;
    let number = ready(&scene).await;
    let old = "update orders set completed_at = now() - interval '31 minutes', updated_at = now() - interval '31 minutes'";
    scene.database.execute(old).await;
    let refused = scene.bump(&number, "recall", "ready").await;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("recall_is_over")), "{refused:?}");
    assert!(refused.json()["detail"].as_str().unwrap().contains("more than 30 minutes"), "{refused:?}");
    testkit::eventually("it to leave the display", async || {
        scene.board().await["done"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn only_the_worker_that_finished_it_recalls_an_order() {
    let mut scene = Scene::open().await;
    let number = ready(&scene).await;
    let other = manual(&scene.stage, "chef_bob").start().await;
    let refused = bump(&other, &number, "recall", "ready").await;
    let problem = refused.json();
    assert_eq!(
        (refused.status, &problem["code"], &problem["changed_by"]),
        (409, &json!("finished_by_another"), &json!("chef_anna"))
    );

    // The same worker may, also after it was started again.
    assert_eq!(scene.worker.stop().await, Some(0));
    let again = manual(&scene.stage, "chef_anna").start().await;
    let ticket = until(&again, &number, "ready").await;
    assert_eq!(ticket["items"][0]["name"], "Margherita Pizza");
    let recalled = bump(&again, &number, "recall", "ready").await;
    assert_eq!((recalled.status, &recalled.json()["status"]), (200, &json!("cooking")), "{recalled:?}");
    assert_eq!(bump(&again, &number, "ready", "cooking").await.status, 200);
    assert_eq!(scene.processed().await, 1);
    scene.assert_well().await;
}
