//! Orders that are cancelled while they wait, or while they cook.

use serde_json::json;
use testkit::orders::takeout;

use crate::scene::Scene;

#[tokio::test]
async fn a_waiting_ticket_that_is_cancelled_stays_visible_and_frees_its_place() {
    let scene = Scene::with(|launch| launch.arg("--prefetch=1")).await;
    let number = scene.ticketed(&takeout()).await;
    scene.change(&number, "cancel").await;
    let ticket = scene.until(&number, "cancelled").await;
    assert_eq!((&ticket["was_cooking"], &ticket["changed_by"]), (&json!(false), &json!("staff")));
    scene.ticketed(&takeout()).await;
    let late = scene.bump(&number, "start", "received").await;
    assert_eq!((late.status, &late.json()["current_status"]), (409, &json!("cancelled")), "{late:?}");
}

#[tokio::test]
async fn an_order_that_is_cancelled_while_it_cooks_is_struck_and_never_ready() {
    let scene = Scene::with(|launch| launch.arg("--prefetch=1")).await;
    let number = scene.ticketed(&takeout()).await;
    scene.bumped(&number, "start", "received").await;
    scene.change(&number, "cancel").await;
    let late = scene.bump(&number, "ready", "cooking").await;
    assert_eq!((late.status, &late.json()["current_status"]), (409, &json!("cancelled")), "{late:?}");
    let ticket = scene.until(&number, "cancelled").await;
    assert_eq!(ticket["was_cooking"], true);
    scene.ticketed(&takeout()).await;
    assert_eq!(scene.log(&number).await.len(), 3);
    assert_eq!(scene.processed().await, 0);
    scene.assert_well().await;
}

#[tokio::test]
async fn a_recalled_order_can_be_cancelled() {
    let scene = Scene::open().await;
    let number = scene.ticketed(&takeout()).await;
    for (step, seen) in [("start", "received"), ("ready", "cooking"), ("recall", "ready")] {
        scene.bumped(&number, step, seen).await;
    }
    scene.change(&number, "cancel").await;
    scene.until(&number, "cancelled").await;
    assert_eq!(scene.bump(&number, "recall", "ready").await.status, 409);
    assert_eq!(scene.status(&number).await, "cancelled");
    scene.assert_well().await;
}
