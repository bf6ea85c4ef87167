//! Tickets that nobody touches, beside a cook who is idle.

use testkit::eventually;
use testkit::http::send;
use testkit::orders::takeout;

use crate::scene::{STAFF, Scene, numbers};

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[tokio::test]
async fn what_nobody_touches_goes_to_a_cook_who_is_idle() {
    let scene = Scene::with(|launch| launch.arg("--hand-back-after=1")).await;
    let ticked = scene.ticketed(&takeout()).await;
    let path = format!("/tickets/{ticked}/lines/0");
    let answer = send(scene.worker.port(), "POST", &path, &[STAFF, JSON], br#"{"done": true}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let neglected = scene.ticketed(&takeout()).await;

    let mut idle = scene.stage.kitchen_worker("chef_idle").start().await;
    scene.cooked_by_idle(&neglected).await;
    assert_eq!(scene.worker.logged("order_returned").len(), 1);
    assert_eq!(numbers(&scene.board().await["tickets"]), [ticked.as_str()]);
    // Nothing comes to a page that nobody looks at: there is room for nine more tickets.
    for _ in 0..4 {
        let next = scene.orders.place(&takeout()).await;
        scene.cooked_by_idle(&next).await;
    }
    assert_eq!(scene.worker.logged("order_returned").len(), 1);
    assert_eq!(scene.status(&ticked).await, "received");

    idle.stop().await;
    let alone = scene.ticketed(&takeout()).await;
    scene.bumped(&alone, "start", "received").await;
    scene.assert_well().await;
}

#[tokio::test]
async fn whoever_opens_the_page_gets_orders_again() {
    let scene = Scene::with(|launch| launch.arg("--hand-back-after=1")).await;
    let neglected = scene.ticketed(&takeout()).await;
    let cook = scene.stage.kitchen_worker("chef_idle").start().await;
    scene.cooked_by_idle(&neglected).await;
    let broker = scene.stage.broker().await;
    let until_consuming = async |count: u32| {
        eventually(&format!("{count} consumers"), async || {
            (broker.consumers("kitchen_takeout_queue").await == count).then_some(())
        })
        .await;
    };
    until_consuming(1).await;
    let _display = scene.stream().await;
    until_consuming(2).await;
    drop(cook);
}

impl Scene {
    async fn cooked_by_idle(&self, number: &str) {
        eventually("an idle cook to cook it", async || (self.status(number).await == "ready").then_some(()))
            .await;
        assert_eq!(
            self.log(number).await,
            ["received order-service", "cooking chef_idle", "ready chef_idle"]
        );
    }
}
