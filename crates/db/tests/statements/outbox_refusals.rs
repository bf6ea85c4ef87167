//! `outbox`: refused rows back off, each alone, and not for ever.

use std::time::Duration;

use db::outbox::{Look, Published, Relayed, due, relay_orders, relay_status_updates};
use deadlines::outbox::MAX_PAUSE;
use domain::OrderType;
use serde_json::json;

use crate::outbox::LOOK;
use crate::scene::{Scene, anna};

impl Scene {
    /// A relay run in which every order is refused.
    async fn all_refused(&self, look: Look) -> Relayed {
        self.all_due().await;
        let relayed = relay_orders(&self.db, OrderType::Takeout, look, async |rows| Published {
            refused: rows.iter().map(|row| row.order_id).collect(),
            ..Published::default()
        });
        relayed.await.unwrap()
    }

    /// For each order: the seconds until it is due, and its number of refusals.
    async fn pauses(&self) -> Vec<(f64, i64)> {
        let pauses = "select extract(epoch from due_at - now())::float8 as pause, attempts
                      from order_outbox order by order_id";
        let rows = self.rows(pauses).await;
        rows.iter().map(|row| (row["pause"].as_f64().unwrap(), row["attempts"].as_i64().unwrap())).collect()
    }
}

#[tokio::test]
async fn a_refused_message_is_due_again_after_its_pause() {
    let scene = Scene::new().await;
    scene.place().await;
    let relayed = scene.all_refused(LOOK).await;
    assert_eq!((relayed.found, relayed.confirmed, relayed.backed_off), (1, 0, 1));
    assert_eq!(due(&scene.db).await.unwrap().orders, []);
    assert_eq!(scene.found().await, []);
    let pauses = scene.pauses().await;
    assert!(matches!(pauses[..], [(15.0..=30.0, 1)]), "{pauses:?}");
}

#[tokio::test]
async fn its_pause_goes_by_how_often_it_was_refused() {
    let scene = Scene::new().await;
    scene.place().await;
    let look = Look { pause: |times| Duration::from_secs(15) * times, ..LOOK };
    for (times, seconds) in [(1, 15.0), (2, 30.0), (3, 45.0)] {
        scene.all_refused(look).await;
        let [(pause, attempts)] = scene.pauses().await[..] else { panic!("one row") };
        assert_eq!(attempts, times);
        assert!(pause > seconds - 10.0 && pause <= seconds, "{pause}");
    }
}

#[tokio::test]
async fn no_pause_is_longer_than_the_longest() {
    let scene = Scene::new().await;
    scene.place().await;
    scene.all_refused(Look { pause: |_| Duration::from_hours(1), ..LOOK }).await;
    assert!(scene.pauses().await[0].0 <= MAX_PAUSE.as_secs_f64());
}

#[tokio::test]
async fn each_message_of_a_look_has_a_pause_of_its_own() {
    let scene = Scene::new().await;
    let first = scene.place().await;
    scene.all_refused(LOOK).await;
    scene.place().await;
    scene.all_refused(Look { pause: |times| Duration::from_secs(25) * times, ..LOOK }).await;
    let pauses = scene.pauses().await;
    assert!(matches!(pauses[..], [(40.0..=50.0, 2), (15.0..=25.0, 1)]), "{first:?}: {pauses:?}");
}

#[tokio::test]
async fn a_message_under_which_the_connection_broke_backs_off_too_and_is_counted_apart() {
    let scene = Scene::new().await;
    scene.place_many(2).await;
    scene.all_due().await;
    let relayed = relay_orders(&scene.db, OrderType::Takeout, LOOK, async |rows| Published {
        suspected: vec![rows[0].order_id],
        ..Published::default()
    });
    let relayed = relayed.await.unwrap();
    assert_eq!((relayed.found, relayed.backed_off, relayed.suspected), (2, 0, 1));
    let pauses = scene.pauses().await;
    assert!(matches!(pauses[..], [(15.0..=30.0, 1), (..=0.0, 0)]), "{pauses:?}");
}

#[tokio::test]
async fn a_message_that_cannot_be_read_backs_off_and_harms_no_other() {
    let scene = Scene::new().await;
    let orders = scene.place_many(3).await;
    let broken = scene.row_of(&orders[1]).await;
    scene
        .execute(&format!("update order_outbox set request_id = 'not an id' where order_id = {broken}"))
        .await;
    scene.all_due().await;
    let mut sent = Vec::new();
    let relayed = relay_orders(&scene.db, OrderType::Takeout, LOOK, async |rows| {
        sent.extend(rows.iter().map(|row| row.message.order_number));
        Published { confirmed: rows.iter().map(|row| row.order_id).collect(), ..Published::default() }
    });
    let relayed = relayed.await.unwrap();
    assert_eq!(sent, [orders[0].number, orders[2].number]);
    assert_eq!((relayed.confirmed, relayed.backed_off, relayed.unreadable.len()), (2, 1, 1));
    let row = "select order_id, attempts, due_at > now() as is_paused from order_outbox";
    assert_eq!(scene.rows(row).await, [json!({"order_id": broken, "attempts": 1, "is_paused": true})]);
}

#[tokio::test]
async fn where_nothing_can_be_read_nothing_is_published() {
    let scene = Scene::new().await;
    scene.place().await;
    scene.execute("update orders set customer_name = 'x'; delete from order_items").await;
    scene.all_due().await;
    let relayed = relay_orders(&scene.db, OrderType::Takeout, LOOK, async |_| panic!("published"));
    let relayed = relayed.await.unwrap();
    assert_eq!((relayed.found, relayed.backed_off, relayed.unreadable.len()), (1, 1, 1));
}

#[tokio::test]
async fn a_refused_status_update_keeps_the_later_ones_of_its_order_back_and_no_others() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    for order in &orders {
        let claim = scene.granted(&anna(), order).await;
        scene.finish(&anna(), order, &claim).await;
    }
    scene.all_due().await;
    let relayed = relay_status_updates(&scene.db, LOOK, async |rows| Published {
        refused: vec![rows[0].id],
        confirmed: vec![rows[1].id],
        ..Published::default()
    });
    let relayed = relayed.await.unwrap();
    assert_eq!((relayed.found, relayed.confirmed, relayed.backed_off), (2, 1, 1));
    let found: Vec<_> = scene
        .found_updates()
        .await
        .iter()
        .map(|row| (row.update.order_number, row.update.new_status.as_str()))
        .collect();
    assert_eq!(found, [(orders[1].number, "ready")]);
    let refused = "select attempts, extract(epoch from due_at - now()) between 15 and 30 as is_paused
                   from status_outbox where attempts > 0";
    assert_eq!(scene.rows(refused).await, [json!({"attempts": 1, "is_paused": true})]);
}

#[tokio::test]
async fn a_status_update_that_cannot_be_read_backs_off_and_harms_no_other() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    for order in &orders {
        scene.granted(&anna(), order).await;
    }
    let broken =
        format!("update status_outbox set new_status = 'burnt' where order_number = '{}'", orders[0].number);
    scene.execute(&broken).await;
    scene.all_due().await;
    let relayed = relay_status_updates(&scene.db, LOOK, async |rows| Published {
        confirmed: rows.iter().map(|row| row.id).collect(),
        ..Published::default()
    });
    let relayed = relayed.await.unwrap();
    assert_eq!((relayed.found, relayed.confirmed, relayed.backed_off), (2, 1, 1));
    assert_eq!(relayed.unreadable.len(), 1);
    assert_eq!(scene.rows("select attempts from status_outbox").await, [json!({"attempts": 1})]);
}
