//! Workers that are killed, and servers that go away.

use serde_json::json;
use testkit::orders::takeout;
use testkit::{Stage, eventually};

use crate::scene::{Scene, bump, manual, until};

#[tokio::test]
async fn the_order_of_a_worker_that_was_killed_between_start_and_ready_is_cooked_by_another() {
    let mut scene = Scene::open().await;
    let number = scene.ticketed(&takeout()).await;
    scene.bumped(&number, "start", "received").await;
    scene.worker.kill().await;
    let lease = scene.database.value("select lease_until from order_claims").await;

    let second = scene.stage.kitchen_worker("chef_second").start().await;
    let started = second.log("order_processing_started").await;
    assert_eq!(started["details"]["attempt"], 2);
    eventually("the order to be ready", async || (scene.status(&number).await == "ready").then_some(()))
        .await;
    let completed = scene.database.value("select completed_at from orders").await;
    assert!(completed.as_str() >= lease.as_str(), "the lease held");
    assert_eq!(
        scene.log(&number).await,
        ["received order-service", "cooking chef_anna", "ready chef_second"]
    );
    assert_eq!(scene.processed().await, 0);
}

#[tokio::test]
async fn another_person_takes_over_what_a_killed_worker_had_started() {
    let mut scene = Scene::open().await;
    let number = scene.ticketed(&takeout()).await;
    scene.bumped(&number, "start", "received").await;
    scene.worker.kill().await;
    let second = manual(&scene.stage, "chef_bob").start().await;
    let ticket = until(&second, &number, "cooking").await;
    assert_eq!((&ticket["ours"], &ticket["processed_by"]), (&json!(false), &json!("chef_anna")));
    let taken = eventually("the lease to end", async || {
        let answer = bump(&second, &number, "start", "cooking").await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!((&taken.json()["ours"], &taken.json()["processed_by"]), (&json!(true), &json!("chef_bob")));
    assert_eq!(bump(&second, &number, "ready", "cooking").await.status, 200);
    assert_eq!(scene.log(&number).await, ["received order-service", "cooking chef_anna", "ready chef_bob"]);
}

/// No message of it is left: the rescuer sends it again.
#[tokio::test]
async fn a_recalled_order_of_a_killed_worker_is_cooked_by_another() {
    let stage = Stage::new().await;
    let orders = stage.order_service().env("ORDER_RESEND_AFTER", "1").start().await;
    let database = stage.database().await;
    let mut worker = manual(&stage, "chef_anna").start().await;
    let number = orders.place(&takeout()).await;
    until(&worker, &number, "received").await;
    for (step, seen) in [("start", "received"), ("ready", "cooking"), ("recall", "ready")] {
        assert_eq!(bump(&worker, &number, step, seen).await.status, 200, "{step}");
    }
    worker.kill().await;
    let _second = stage.kitchen_worker("chef_second").start().await;
    eventually("the order to be ready", async || {
        (database.value("select status from orders").await == "ready").then_some(())
    })
    .await;
    let counts = "select json_object_agg(name, orders_processed) from workers";
    assert_eq!(database.value(counts).await, json!({"chef_anna": 0, "chef_second": 1}));
}

#[tokio::test]
async fn while_the_database_is_away_the_board_says_so_and_a_finished_order_is_not_lost() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let proxy = stage.postgres_proxy().await;
    let launch = manual(&stage, "chef_anna").arg("--heartbeat-interval=30");
    let worker = launch.env("DB_PORT", proxy.port().to_string()).start().await;
    let number = orders.place(&takeout()).await;
    until(&worker, &number, "received").await;
    assert_eq!(bump(&worker, &number, "start", "received").await.status, 200);
    proxy.cut();
    let board = eventually("the board to say so", async || {
        let board = crate::scene::board(&worker).await;
        (board["cut_off"]["cause"] == "database").then_some(board)
    })
    .await;
    assert!(board["cut_off"]["since"].is_string(), "{board}");
    assert_eq!(board["tickets"][0]["order_number"], number.as_str(), "it is never empty");
    let readying = bump(&worker, &number, "ready", "cooking");
    let back = async {
        worker.logs("db_connection_failed", 1).await;
        proxy.mend();
    };
    let (answer, ()) = tokio::join!(readying, back);
    assert!([200, 504].contains(&answer.status), "{answer:?}");
    until(&worker, &number, "ready").await;
}

#[tokio::test]
async fn without_the_broker_the_board_says_so_and_comes_back() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let proxy = stage.rabbitmq_proxy().await;
    let worker = manual(&stage, "chef_anna").env("RABBITMQ_PORT", proxy.port().to_string()).start().await;
    let number = orders.place(&takeout()).await;
    until(&worker, &number, "received").await;
    assert_eq!(bump(&worker, &number, "start", "received").await.status, 200);
    proxy.cut();
    eventually("the board to say so", async || {
        (crate::scene::board(&worker).await["cut_off"]["cause"] == "broker").then_some(())
    })
    .await;
    proxy.mend();
    eventually("the board to be whole", async || {
        crate::scene::board(&worker).await["cut_off"].is_null().then_some(())
    })
    .await;
    // The message was delivered once more, and is about the same ticket.
    assert_eq!(bump(&worker, &number, "ready", "cooking").await.status, 200);
    let broker = stage.broker().await;
    eventually("the message to be acknowledged", async || {
        (broker.messages(&["kitchen_takeout_queue"]).await == 0).then_some(())
    })
    .await;
}
