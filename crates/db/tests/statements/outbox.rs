//! `outbox`: which rows are due, which a relay selects, and what happens to them after publishing.

use std::time::Duration;

use db::Database;
use db::outbox::{
    Due, Look, OrderOutboxRow, Published, StatusOutboxRow, due, relay_orders, relay_status_updates,
    settle_orders, settle_status_updates,
};
use deadlines::outbox::RELAY_GRACE;
use domain::OrderType;
use serde_json::json;
use testkit::orders::{delivery, dine_in};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::scene::{Scene, anna, message, open, order, takeout};

pub const LOOK: Look = Look { limit: 10, pause: |_| Duration::from_secs(30) };

impl Scene {
    /// Makes all rows of the outboxes due.
    pub async fn all_due(&self) {
        self.execute("update order_outbox set due_at = now(); update status_outbox set due_at = now()").await;
    }

    /// The takeout orders that a relay selects. Nothing is confirmed.
    pub async fn found(&self) -> Vec<OrderOutboxRow> {
        let mut found = Vec::new();
        let relayed = relay_orders(&self.db, OrderType::Takeout, LOOK, async |rows| {
            found = rows;
            Published::default()
        });
        relayed.await.unwrap();
        found
    }

    /// The status updates that a relay selects. Nothing is confirmed.
    pub async fn found_updates(&self) -> Vec<StatusOutboxRow> {
        let mut found = Vec::new();
        let relayed = relay_status_updates(&self.db, LOOK, async |rows| {
            found = rows;
            Published::default()
        });
        relayed.await.unwrap();
        found
    }
}

/// A relay run in which everything is confirmed. Returns the number of messages.
async fn all_confirmed(db: &Database, order_type: OrderType) -> usize {
    let relayed = relay_orders(db, order_type, LOOK, async |rows| Published {
        confirmed: rows.iter().map(|row| row.order_id).collect(),
        ..Published::default()
    });
    relayed.await.unwrap().confirmed
}

#[tokio::test]
async fn a_new_row_is_in_the_hands_of_whoever_wrote_it() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.granted(&anna(), &order).await;
    assert_eq!(due(&scene.db).await.unwrap(), Due::default());
    assert_eq!(scene.found().await, []);
    assert_eq!(scene.found_updates().await, []);
}

#[tokio::test]
async fn a_relay_gets_a_new_row_after_the_grace() {
    let scene = Scene::new().await;
    // The columns' own default is for programs of older versions, and must not be what is seen.
    let own_default = "alter table order_outbox alter due_at set default now();
        alter table status_outbox alter due_at set default now()";
    scene.execute(own_default).await;
    let order = scene.place().await;
    let claim = scene.granted(&anna(), &order).await;
    scene.finish(&anna(), &order, &claim).await;
    let grace = format!("interval '{} seconds'", RELAY_GRACE.as_secs());
    for (rows, written, outbox) in
        [(1, "created_at", "order_outbox join orders on id = order_id"), (2, "changed_at", "status_outbox")]
    {
        let sql = format!("select count(*) from {outbox} where due_at = {written} + {grace}");
        assert_eq!(scene.value(&sql).await, rows, "{outbox}");
    }
}

#[tokio::test]
async fn what_is_due_is_told_by_type() {
    let scene = Scene::new().await;
    let new = [takeout(), takeout(), order(&delivery()), order(&dine_in())];
    let placed = scene.place_all(&new).await;
    scene.granted(&anna(), &placed[0]).await;
    let orders = "update order_outbox set due_at = now()
        where order_id in (select id from orders where type in ('takeout', 'delivery'))";
    scene.execute(orders).await;
    let types = vec![OrderType::Takeout, OrderType::Delivery];
    let expected = Due { orders: types.clone(), ..Due::default() };
    assert_eq!(due(&scene.db).await.unwrap(), expected);
    scene.execute("update status_outbox set due_at = now()").await;
    assert_eq!(due(&scene.db).await.unwrap(), Due { orders: types, status_updates: true, ..Due::default() });
}

#[tokio::test]
async fn an_order_is_sent_as_it_was_placed() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.all_due().await;
    let [row] = <[_; 1]>::try_from(scene.found().await).unwrap();
    assert_eq!(row.order_id, scene.row_of(&order).await);
    assert_eq!(row.message, message(order.number));
    assert_eq!((row.identity, row.placed_at), (Some(order.identity), order.placed_at));
    assert_eq!(row.request_id.as_str(), "a-request");
}

#[tokio::test]
async fn an_order_of_a_version_without_identities_is_sent_without() {
    let scene = Scene::new().await;
    scene.place().await;
    scene.execute("delete from order_identities").await;
    scene.all_due().await;
    assert_eq!(scene.found().await[0].identity, None);
}

#[tokio::test]
async fn an_order_that_was_lifted_is_sent_with_its_new_priority() {
    let scene = Scene::new().await;
    scene.place().await;
    scene.execute("update orders set priority = 10").await;
    scene.all_due().await;
    assert_eq!(scene.found().await[0].message.priority.get(), 10);
}

#[tokio::test]
async fn a_look_is_at_one_type_and_finds_the_first_rows_first() {
    let scene = Scene::new().await;
    let mut new = vec![order(&delivery())];
    new.resize(15, takeout());
    let placed = scene.place_all(&new).await;
    scene.all_due().await;
    let found: Vec<_> = scene.found().await.iter().map(|row| row.message.order_number).collect();
    let first: Vec<_> = placed[1..11].iter().map(|order| order.number).collect();
    assert_eq!(found, first);
}

#[tokio::test]
async fn what_was_confirmed_is_gone_and_the_rest_is_due_as_before() {
    let scene = Scene::new().await;
    scene.place_many(3).await;
    scene.all_due().await;
    let before = scene.rows("select * from order_outbox order by order_id").await;
    let relayed = relay_orders(&scene.db, OrderType::Takeout, LOOK, async |rows| Published {
        confirmed: vec![rows[1].order_id],
        ..Published::default()
    });
    let relayed = relayed.await.unwrap();
    assert_eq!((relayed.found, relayed.confirmed, relayed.backed_off, relayed.suspected), (3, 1, 0, 0));
    let left = scene.rows("select * from order_outbox order by order_id").await;
    assert_eq!(left, [before[0].clone(), before[2].clone()]);
}

#[tokio::test]
async fn nothing_is_published_where_nothing_is_due() {
    let scene = Scene::new().await;
    scene.place().await;
    let relayed = relay_orders(&scene.db, OrderType::Takeout, LOOK, async |_| panic!("published"));
    assert_eq!(relayed.await.unwrap().found, 0);
}

#[tokio::test]
async fn what_another_relay_has_in_hand_is_left_to_it() {
    let scene = Scene::new().await;
    scene.place_many(2).await;
    scene.all_due().await;
    let other = open(&scene.stage);
    let relayed = relay_orders(&scene.db, OrderType::Takeout, LOOK, async |rows| {
        assert_eq!(all_confirmed(&other, OrderType::Takeout).await, 0);
        Published { confirmed: rows.iter().map(|row| row.order_id).collect(), ..Published::default() }
    });
    assert_eq!(relayed.await.unwrap().confirmed, 2);
}

#[tokio::test]
async fn a_relay_that_ends_in_the_middle_leaves_everything_as_it_was() {
    let scene = Scene::new().await;
    scene.place_many(2).await;
    scene.all_due().await;
    let sending = Notify::new();
    let relayed = relay_orders(&scene.db, OrderType::Takeout, LOOK, async |_| {
        sending.notify_one();
        std::future::pending().await
    });
    tokio::select! {
        _ = relayed => panic!("it ended by itself"),
        () = sending.notified() => {}
    }
    // Its session ends as soon as the server notices.
    let other = open(&scene.stage);
    let taken = testkit::eventually("the rows to be free", async || {
        let confirmed = all_confirmed(&other, OrderType::Takeout).await;
        (confirmed > 0).then_some(confirmed)
    });
    assert_eq!(taken.await, 2);
}

#[tokio::test]
async fn a_row_from_a_time_that_has_not_come_is_due() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    scene.granted(&anna(), &order).await;
    let later = "update order_outbox set due_at = now() + interval '3 minutes';
                 update status_outbox set due_at = now() + interval '3 minutes'";
    scene.execute(later).await;
    let expected = Due { orders: vec![OrderType::Takeout], status_updates: true, ..Due::default() };
    assert_eq!(due(&scene.db).await.unwrap(), expected);
    assert_eq!((scene.found().await.len(), scene.found_updates().await.len()), (1, 1));
}

#[tokio::test]
async fn a_status_update_is_sent_as_it_was_made() {
    let scene = Scene::new().await;
    let order = scene.place().await;
    let claim = scene.granted(&anna(), &order).await;
    scene.all_due().await;
    assert_eq!(scene.found_updates().await, [claim.status_update.unwrap()]);
}

#[tokio::test]
async fn of_one_order_the_oldest_update_goes_first() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    for order in &orders {
        let claim = scene.granted(&anna(), order).await;
        scene.finish(&anna(), order, &claim).await;
    }
    scene.all_due().await;
    for status in ["cooking", "ready"] {
        let relayed = relay_status_updates(&scene.db, LOOK, async |rows| {
            let found: Vec<_> =
                rows.iter().map(|row| (row.update.order_number, row.update.new_status.as_str())).collect();
            assert_eq!(found, [(orders[0].number, status), (orders[1].number, status)]);
            Published { confirmed: rows.iter().map(|row| row.id).collect(), ..Published::default() }
        });
        assert_eq!(relayed.await.unwrap().confirmed, 2);
    }
    assert_eq!(scene.count("status_outbox").await, 0);
}

#[tokio::test]
async fn an_older_update_that_is_not_due_keeps_the_later_ones_of_its_order_back() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    for order in &orders {
        let claim = scene.granted(&anna(), order).await;
        scene.finish(&anna(), order, &claim).await;
    }
    scene.all_due().await;
    let first = format!("where order_number = '{}' and new_status = 'cooking'", orders[0].number);
    scene.execute(&format!("update status_outbox set due_at = now() + interval '1 minute' {first}")).await;
    let found: Vec<_> = scene.found_updates().await.iter().map(|row| row.update.order_number).collect();
    assert_eq!(found, [orders[1].number]);
}

#[tokio::test]
async fn whoever_wrote_the_rows_settles_them_and_no_others() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    let mut announcements = Vec::new();
    for order in &orders {
        announcements.push(scene.granted(&anna(), order).await.status_update.unwrap().id);
    }
    settle_orders(&scene.db, &[orders[0].identity]).await.unwrap();
    let number = "select number from order_outbox join orders on id = order_id";
    assert_eq!(scene.rows(number).await, [json!({"number": orders[1].number.to_string()})]);
    settle_status_updates(&scene.db, &[announcements[1]]).await.unwrap();
    assert_eq!(scene.rows("select id from status_outbox").await, [json!({"id": announcements[0]})]);
    // It can be repeated.
    settle_orders(&scene.db, &[orders[0].identity]).await.unwrap();
    settle_status_updates(&scene.db, &announcements).await.unwrap();
    assert_eq!((scene.count("order_outbox").await, scene.count("status_outbox").await), (1, 0));
}

#[tokio::test]
async fn the_look_of_one_type_is_not_kept_up_by_the_rows_of_another() {
    let scene = Scene::new().await;
    scene.place_all(&[takeout(), order(&delivery())]).await;
    scene.all_due().await;
    let other = open(&scene.stage);
    let relayed = relay_orders(&scene.db, OrderType::Takeout, LOOK, async |_| {
        let limit = Duration::from_secs(5);
        let sent = timeout(limit, all_confirmed(&other, OrderType::Delivery)).await;
        assert_eq!(sent, Ok(1));
        Published::default()
    });
    assert_eq!(relayed.await.unwrap().found, 1);
}
