//! RabbitMQ lists each connection under the name that its caller gave.

use bus::dead_letters::{Pass, Replay};
use bus::notifications::{StartAt, subscribe};
use bus::orders::OrderIntake;
use bus::{Publisher, inspection};
use domain::ServiceName;
use runtime::Shutdown;
use testkit::eventually;
use testkit::wait::within;

use crate::dead_letters::all;
use crate::replaying::takeout;
use crate::scene::{DINE_IN_QUEUE, Scene, TAKEOUT_QUEUE};

async fn until_listed(scene: &Scene, names: &[&str]) {
    let what = format!("connections named {names:?}");
    eventually(&what, async || {
        let listed = scene.broker.connection_names().await;
        names.iter().all(|name| listed.iter().any(|found| found == name)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn of_a_publisher_each_has_the_service_and_the_exchange() {
    let scene = Scene::new().await;
    let (order, _) =
        Publisher::start(&scene.settings, ServiceName::Order, "order-service", &[], &scene.lines.log);
    let (kitchen, _) =
        Publisher::start(&scene.settings, ServiceName::Kitchen, "kitchen-worker", &[], &scene.lines.log);
    let names = [
        "order-service: orders_topic",
        "order-service: notifications_fanout",
        "kitchen-worker: orders_dlx",
        "kitchen-worker: notifications_fanout",
    ];
    until_listed(&scene, &names).await;
    drop((order, kitchen));
}

#[tokio::test]
async fn consumers_and_subscribers_have_their_callers() {
    let scene = Scene::new().await;
    let (settings, log) = (scene.settings.clone(), scene.lines.log.clone());
    let intake = OrderIntake::start(settings.clone(), "a worker", vec![TAKEOUT_QUEUE], 1, log.clone());
    let shutdown = Shutdown::new();
    let reading = tokio::spawn({
        let shutdown = shutdown.clone();
        async move {
            let link = bus::LinkState::default();
            subscribe(&settings, "a subscriber", StartAt::Next, &link, &log, &shutdown, |_| async { true })
                .await;
        }
    });
    until_listed(&scene, &["a worker", "a subscriber"]).await;
    shutdown.begin();
    within("its end", reading).await.unwrap();
    intake.close().await;
}

#[tokio::test]
async fn whoever_counts_queues_and_clears_the_safety_net_has_the_callers() {
    let scene = Scene::new().await;
    scene.declared().await;
    // The connection lasts as long as a queue does not answer.
    scene.broker.suspend(DINE_IN_QUEUE).await;
    let counting = inspection::kitchen_queues(&scene.settings, "order-service: rescuer");
    tokio::select! {
        counted = counting => panic!("the queue answered: {counted:?}"),
        () = until_listed(&scene, &["order-service: rescuer"]) => {}
    }
    scene.broker.resume(DINE_IN_QUEUE).await;
    scene.strays(1).await;
    let mut shown = 0;
    let cleared = scene.clear("order-service: sweeper", async |strays| {
        until_listed(&scene, &["order-service: sweeper"]).await;
        shown += strays.len();
        Ok::<_, ()>(vec![true; strays.len()])
    });
    cleared.await.unwrap();
    assert_eq!(shown, 1);
}

#[tokio::test]
async fn the_two_for_dead_letters_have_their_callers() {
    let scene = Scene::new().await;
    scene.declared().await;
    scene.letter(takeout(), "a letter").await;
    let mut pass = Pass::begin(&scene.settings, "a reader").await.unwrap();
    let mut letters = all(&mut pass).await;
    let mut replay = Replay::new(&scene.settings, "a replay");
    assert_eq!(replay.send(&mut letters).await, [Ok(())]);
    until_listed(&scene, &["a reader", "a replay"]).await;
    replay.end().await;
    pass.end().await.unwrap();
}
