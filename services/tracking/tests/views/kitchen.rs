//! `GET /kitchen/tickets`, for the staff.

use serde_json::{Value, json};
use testkit::eventually;

use crate::scene::{Scene, number};

async fn kitchen(scene: &Scene) -> Value {
    let answer = scene.ask_as_staff("/kitchen/tickets").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn tickets_come_by_priority_and_age_with_their_lines_and_counts() {
    let scene = Scene::open().await;
    scene.store(1, 9.0).await;
    scene.store(2, 12.0).await;
    scene.store_as(3, 2.0, "dine_in", "Zoë", 10).await;
    scene.store(4, 20.0).await;
    scene.step(4, "cooking", 5.0).await;
    scene.step(4, "ready", 3.0).await;
    scene.step(2, "cooking", 1.0).await;
    let kitchen = kitchen(&scene).await;
    let tickets = kitchen["tickets"].as_array().unwrap();
    let numbers: Vec<_> = tickets.iter().map(|ticket| ticket["order_number"].clone()).collect();
    assert_eq!(numbers, [number(3), number(2), number(1)]);
    assert_eq!(tickets[0]["items"], json!([{ "name": "Pho bo", "quantity": 2 }]));
    assert_eq!(kitchen["all_day"], json!([{ "name": "Pho bo", "received": 4, "cooking": 2 }]));
    assert_eq!(kitchen["beyond"], 0);
    let times =
        json!([{ "order_type": "takeout", "finished": 1, "median_seconds": 120, "p90_seconds": 120 }]);
    assert_eq!(kitchen["cooking_times"], times);
}

#[tokio::test]
async fn behind_a_thousand_open_orders_priority_and_counts_are_right() {
    const MANY: i64 = 1_200;
    let scene = Scene::open().await;
    scene.store_many(MANY).await;
    scene.store_as(1, 0.0, "takeout", "Jane", 10).await;
    let kitchen = kitchen(&scene).await;
    let tickets = kitchen["tickets"].as_array().unwrap();
    assert_eq!((tickets.len(), &tickets[0]["order_number"]), (200, &json!(number(1))));
    assert_eq!(kitchen["beyond"], MANY + 1 - 200);
    assert_eq!(kitchen["all_day"], json!([{ "name": "Pho bo", "received": 2 * MANY + 2, "cooking": 0 }]));
}

#[tokio::test]
async fn displays_that_ask_together_share_what_is_read() {
    let scene = Scene::open().await;
    scene.store(1, 5.0).await;
    let asking =
        (0..20).map(|_| async { kitchen(&scene).await["tickets"][0]["items"][0]["quantity"].clone() });
    assert!(futures_util::future::join_all(asking).await.iter().all(|quantity| *quantity == 2));
    // Each read of the kitchen looks at the lines of the order. A session reports its looks at its
    // end.
    let Scene { database, mut service, .. } = scene;
    service.stop().await;
    let looks = eventually("the looks of ended sessions", async || {
        let sql =
            "select (select idx_scan from pg_stat_user_tables where relname = 'order_items' and not exists
                   (select from pg_stat_activity
                    where datname = current_database() and application_name = 'tracking-service'))";
        database.value(sql).await.as_i64().filter(|looks| *looks > 0)
    })
    .await;
    assert!(looks < 20, "{looks}");
}

#[tokio::test]
async fn what_was_cancelled_while_it_cooked_is_shown_for_ten_minutes() {
    let scene = Scene::open().await;
    for (place, before, minutes) in
        [(1, Some("cooking"), 9.0), (2, Some("cooking"), 11.0), (3, None, 1.0), (4, Some("ready"), 1.0)]
    {
        scene.store(place, 40.0).await;
        if let Some(status) = before {
            scene.step(place, "cooking", 30.0).await;
            if status == "ready" {
                scene.step(place, "ready", 20.0).await;
            }
        }
        scene.step(place, "cancelled", minutes).await;
    }
    let kitchen = kitchen(&scene).await;
    let tickets = kitchen["tickets"].as_array().unwrap();
    let shown: Vec<_> = tickets.iter().map(|ticket| (&ticket["order_number"], &ticket["status"])).collect();
    assert_eq!(shown, [(&json!(number(1)), &json!("cancelled"))]);
    assert_eq!(kitchen["all_day"], json!([]), "nobody cooks them");
}

#[tokio::test]
async fn it_is_the_staff_s() {
    let scene = Scene::open().await;
    assert_eq!(scene.ask("/kitchen/tickets", &[]).await.status, 401);
}
