//! Starting an order, and saying that it is ready.

use serde_json::json;
use testkit::orders::{dine_in, takeout, takeout_of};

use crate::scene::{Scene, manual, numbers, until};

#[tokio::test]
async fn a_person_starts_an_order_and_says_when_it_is_ready() {
    let scene = Scene::open().await;
    let number = scene.ticketed(&takeout()).await;
    let ticket = scene.until(&number, "received").await;
    assert_eq!(
        ticket["items"],
        json!([
            {"name": "Margherita Pizza", "quantity": 1, "done": false},
            {"name": "Caesar Salad", "quantity": 1, "done": false}
        ])
    );
    assert_eq!((&ticket["ours"], &ticket["estimated_completion"]), (&json!(false), &json!(null)));
    assert_eq!(scene.database.value("select count(*) from order_claims").await, 0, "nobody has started it");

    let started = scene.bumped(&number, "start", "received").await;
    assert_eq!((&started["status"], &started["ours"]), (&json!("cooking"), &json!(true)));
    let claim = "select worker, round(extract(epoch from estimated_completion - updated_at))::int as seconds
        from order_claims join orders on orders.id = order_id";
    assert_eq!(scene.database.rows(claim).await, [json!({"worker": "chef_anna", "seconds": 600})]);

    let done = scene.bumped(&number, "ready", "cooking").await;
    assert_eq!(done["status"], "ready");
    assert_eq!(scene.log(&number).await, ["received order-service", "cooking chef_anna", "ready chef_anna"]);
    assert_eq!(scene.processed().await, 1);
    let broker = scene.stage.broker().await;
    testkit::eventually("the message to be acknowledged", async || {
        (broker.messages(&["kitchen_takeout_queue"]).await == 0).then_some(())
    })
    .await;
    scene.assert_well().await;
}

#[tokio::test]
async fn tickets_come_by_priority_and_age_and_no_more_than_the_prefetch() {
    let scene = Scene::with(|launch| launch.arg("--prefetch=3").arg("--order-types=takeout")).await;
    let first = scene.ticketed(&takeout_of("20.00")).await;
    let second = scene.ticketed(&takeout_of("20.00")).await;
    let large = scene.ticketed(&takeout_of("200.00")).await;
    let next = scene.orders.place(&takeout()).await;
    let other_type = scene.orders.place(&dine_in()).await;
    let board = scene.board().await;
    assert_eq!(numbers(&board["tickets"]), [&*large, &*first, &*second]);
    assert_eq!(board["worker"], "chef_anna");

    scene.bumped(&first, "start", "received").await;
    let board = scene.board().await;
    assert_eq!(numbers(&board["tickets"]), [&*large, &*first, &*second], "it keeps its place");
    assert_eq!(board["all_day"], json!([{ "name": "Feast", "received": 2, "cooking": 1 }]));

    scene.bumped(&first, "ready", "cooking").await;
    scene.until(&next, "received").await;
    assert_eq!(scene.status(&other_type).await, "received");
    assert_eq!(numbers(&scene.board().await["done"]), [&*first]);
}

#[tokio::test]
async fn of_two_people_who_bump_one_ticket_one_wins_and_the_other_learns_who() {
    let scene = Scene::open().await;
    for _ in 0..5 {
        let number = scene.ticketed(&takeout()).await;
        for (step, seen, now) in
            [("start", "received", "cooking"), ("ready", "cooking", "ready"), ("recall", "ready", "cooking")]
        {
            let (one, other) = tokio::join!(scene.bump(&number, step, seen), scene.bump(&number, step, seen));
            let mut answers = [one, other];
            answers.sort_by_key(|answer| answer.status);
            let [won, lost] = answers;
            assert_eq!((won.status, lost.status), (200, 409), "{step}: {won:?} {lost:?}");
            assert_eq!(won.json()["status"], now);
            let problem = lost.json();
            assert_eq!(lost.header("content-type"), "application/problem+json");
            assert_eq!(
                (&problem["code"], &problem["current_status"], &problem["changed_by"]),
                (&json!("elsewhere"), &json!(now), &json!("chef_anna"))
            );
            assert_eq!(problem["changed_at"], won.json()["updated_at"]);
        }
        scene.bumped(&number, "ready", "cooking").await;
        let steps = scene.log(&number).await;
        assert_eq!(steps.len(), 5, "{steps:?}");
    }
    assert_eq!(scene.processed().await, 5);
    scene.assert_well().await;
}

#[tokio::test]
async fn a_step_that_does_not_fit_changes_nothing() {
    let scene = Scene::open().await;
    let number = scene.ticketed(&takeout()).await;
    for (step, seen, now) in [
        ("ready", "cooking", "received"),
        ("recall", "ready", "received"),
        ("start", "cooking", "received"),
        ("start", "ready", "received"),
    ] {
        let answer = scene.bump(&number, step, seen).await;
        assert_eq!(
            (answer.status, &answer.json()["current_status"]),
            (409, &json!(now)),
            "{step}: {answer:?}"
        );
    }
    scene.bumped(&number, "start", "received").await;
    for (step, seen) in
        [("start", "received"), ("start", "cooking"), ("ready", "received"), ("recall", "ready")]
    {
        let answer = scene.bump(&number, step, seen).await;
        assert_eq!(
            (answer.status, &answer.json()["current_status"]),
            (409, &json!("cooking")),
            "{step}: {answer:?}"
        );
    }
    assert_eq!(scene.bump("ORD_20200101_001", "start", "received").await.status, 404);
    assert_eq!(scene.bump("7", "start", "received").await.status, 404);
    let nonsense = scene.worker.post(&format!("/tickets/{number}/ready"), "[]").await;
    assert_eq!(nonsense.status, 401, "the key comes first");
    assert_eq!(scene.bump(&number, "ready", "burnt").await.status, 400);
    assert_eq!(scene.log(&number).await.len(), 2);
}

#[tokio::test]
async fn an_order_that_another_worker_has_is_not_started_here() {
    let scene = Scene::with(|launch| launch.arg("--prefetch=1")).await;
    let here = scene.ticketed(&takeout()).await;
    let other = manual(&scene.stage, "chef_bob").start().await;
    let there = scene.orders.place(&takeout()).await;
    until(&other, &there, "received").await;
    let answer = scene.bump(&there, "start", "received").await;
    assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("not_here")), "{answer:?}");
    crate::scene::bump(&other, &there, "start", "received").await;
    for step in ["start", "ready"] {
        let problem = scene.bump(&there, step, "received").await;
        assert_eq!((problem.status, &problem.json()["changed_by"]), (409, &json!("chef_bob")), "{problem:?}");
    }
    scene.bumped(&here, "start", "received").await;
}
