//! `orders::place`: the rows of a new order, and its number.

use db::orders::{self, Placement};
use serde_json::json;
use testkit::orders::{delivery, dine_in, with};
use tokio::task::JoinSet;

use crate::scene::{Scene, identity, open, order, place, placed, request_id, takeout};

#[tokio::test]
async fn an_order_is_stored_with_all_that_belongs_to_it() {
    let scene = Scene::at_noon().await;
    let (order, identity, request_id) = (order(&delivery()), identity(), request_id("req-1"));
    let placement = Placement {
        identity,
        order: &order,
        request_id: &request_id,
        idempotency: None,
        from_menu: None,
        request: None,
    };
    let placed = placed(orders::place(&scene.db, &[placement]).await).unwrap()[0];
    assert_eq!((placed.identity, placed.number.to_string().as_str()), (identity, "ORD_20261120_001"));
    let row = "select number, customer_name, type, table_number, delivery_address, total_amount::text, priority,
                      status, processed_by, completed_at, created_at = updated_at as is_unchanged from orders";
    let expected = json!({
        "number": "ORD_20261120_001", "customer_name": "Bob Johnson", "type": "delivery", "table_number": null,
        "delivery_address": "123 Main Street, Apt 4B", "total_amount": "37.98", "priority": 1,
        "status": "received", "processed_by": null, "completed_at": null, "is_unchanged": true,
    });
    assert_eq!(scene.rows(row).await, [expected]);
    let items = "select name, quantity, price::text from order_items join orders on orders.id = order_id";
    assert_eq!(scene.rows(items).await, [json!({"name": "Burger Combo", "quantity": 2, "price": "18.99"})]);
    let log = "select log.status, changed_by, changed_at = orders.created_at as is_then, notes
               from order_status_log as log join orders on orders.id = order_id";
    assert_eq!(
        scene.rows(log).await,
        [json!({"status": "received", "changed_by": "order-service", "is_then": true, "notes": null})]
    );
    let recognised = "select identity, request_id, octet_length(contents) as digest
                      from order_identities join orders on orders.id = order_id";
    assert_eq!(
        scene.rows(recognised).await,
        [json!({"identity": identity.to_string(), "request_id": "req-1", "digest": 32})]
    );
    let outgoing = "select request_id, purpose, attempts, due_at > now() as is_in_its_writers_hands
                    from order_outbox join orders on orders.id = order_id";
    let expected =
        json!({"request_id": "req-1", "purpose": "placed", "attempts": 0, "is_in_its_writers_hands": true});
    assert_eq!(scene.rows(outgoing).await, [expected]);
    assert_eq!(scene.count("idempotency_keys").await, 0, "nobody may repeat the request");
}

#[tokio::test]
async fn the_moment_of_an_order_is_that_of_its_row() {
    let scene = Scene::new().await;
    let placed = scene.place().await;
    let microseconds = placed.placed_at.unix_timestamp_nanos() / 1_000;
    let row = "select (extract(epoch from created_at) * 1000000)::bigint from orders";
    assert_eq!(i128::from(scene.value(row).await.as_i64().unwrap()), microseconds);
}

#[tokio::test]
async fn orders_of_one_call_are_numbered_and_returned_as_they_were_given() {
    let scene = Scene::at_noon().await;
    let placed = scene.place_all(&[takeout(), order(&dine_in()), order(&delivery())]).await;
    assert_eq!(placed.iter().map(|order| order.number.sequence()).collect::<Vec<_>>(), [1, 2, 3]);
    let stored = scene
        .rows("select number, type, identity from orders join order_identities on order_id = id order by id")
        .await;
    let types = ["takeout", "dine_in", "delivery"];
    for ((row, order), of_type) in stored.iter().zip(&placed).zip(types) {
        let (number, identity) = (order.number.to_string(), order.identity.to_string());
        assert_eq!(*row, json!({"number": number, "type": of_type, "identity": identity}));
    }
    assert_eq!(scene.rows("select last_number from order_counters").await, [json!({"last_number": 3})]);
}

#[tokio::test]
async fn each_line_lies_with_its_order_in_its_place() {
    let scene = Scene::new().await;
    let item = |name: &str| json!({"name": name, "quantity": 1, "price": 1});
    let lines = |names: &[&str]| {
        let items: Vec<_> = names.iter().map(|name| item(name)).collect();
        order(&with(testkit::orders::takeout(), "/items", json!(items)))
    };
    let placed = scene.place_all(&[lines(&["Tea", "Cake"]), lines(&["Soup"]), lines(&["Cake", "Tea"])]).await;
    let stored = scene
        .rows(
            "select number, array_agg(name order by order_items.id) as names
             from orders join order_items on order_id = orders.id group by number order by number",
        )
        .await;
    let names = [json!(["Tea", "Cake"]), json!(["Soup"]), json!(["Cake", "Tea"])];
    for ((row, order), names) in stored.iter().zip(&placed).zip(names) {
        assert_eq!(*row, json!({"number": order.number.to_string(), "names": names}));
    }
}

#[tokio::test]
async fn numbers_begin_anew_with_each_utc_day() {
    let scene = Scene::new().await;
    // Whatever the local date of the server is.
    scene.execute(&format!("alter database {} set timezone = 'Pacific/Kiritimati'", scene.stage.name)).await;
    let clock = scene.stage.database().await;
    for (moment, first) in [
        ("2026-11-20 23:59:59.9+00", "ORD_20261120_001"),
        ("2026-11-21 00:00:00+00", "ORD_20261121_001"),
        ("2026-11-21 23:59:59.9+00", "ORD_20261121_003"),
    ] {
        clock.set_clock(moment).await;
        // Existing sessions keep their time zone.
        let placed = place(&open(&scene.stage), &[takeout(), takeout()]).await.unwrap();
        assert_eq!(placed[0].number.to_string(), first);
    }
}

#[tokio::test]
async fn number_999_is_followed_by_1000() {
    let scene = Scene::at_noon().await;
    scene.place().await;
    scene.execute("update order_counters set last_number = 998").await;
    let numbers: Vec<_> = scene.place_many(2).await.iter().map(|order| order.number.to_string()).collect();
    assert_eq!(numbers, ["ORD_20261120_999", "ORD_20261120_1000"]);
    assert_eq!(scene.count("orders where number = 'ORD_20261120_1000'").await, 1);
}

#[tokio::test]
async fn of_orders_of_one_call_all_are_stored_or_none_and_none_takes_a_number() {
    let scene = Scene::at_noon().await;
    scene.execute("alter table order_items add constraint no_tea check (name <> 'Tea')").await;
    let tea = json!([{"name": "Tea", "quantity": 1, "price": 1}]);
    let refused = order(&with(testkit::orders::takeout(), "/items", tea));
    let why = place(&scene.db, &[takeout(), refused]).await.unwrap_err();
    assert!(why.is_permanent() && !why.is_in_doubt(), "{why:?}");
    for table in ["orders", "order_items", "order_status_log", "order_outbox", "order_identities"] {
        assert_eq!(scene.count(table).await, 0, "{table}");
    }
    assert_eq!(scene.place().await.number.sequence(), 1);
}

#[tokio::test]
async fn orders_that_are_placed_at_once_get_every_number_once() {
    let scene = Scene::at_noon().await;
    let mut placing = JoinSet::new();
    for _ in 0..20 {
        let db = scene.db.clone();
        placing.spawn(async move { place(&db, &[takeout(), takeout()]).await.unwrap() });
    }
    let placed = placing.join_all().await;
    let mut numbers: Vec<_> = placed.iter().flatten().map(|order| order.number.sequence()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_waits_for_an_order_that_is_rolled_back_gets_its_number() {
    let scene = Scene::at_noon().await;
    let first = scene.place().await;
    let holder = scene.holding("update order_counters set last_number = last_number + 1").await;
    let going_back = async {
        scene.until_waiting(1).await;
        holder.execute("rollback").await;
    };
    let (second, ()) = tokio::join!(scene.place(), going_back);
    assert_eq!(second.number.sequence(), first.number.sequence() + 1);
}

#[tokio::test]
async fn an_identity_is_stored_once() {
    let scene = Scene::new().await;
    let placed = scene.place().await;
    let (order, request_id) = (takeout(), request_id("again"));
    let placement = Placement {
        identity: placed.identity,
        order: &order,
        request_id: &request_id,
        idempotency: None,
        from_menu: None,
        request: None,
    };
    let why = orders::place(&scene.db, &[placement]).await.unwrap_err();
    assert!(why.is_permanent() && !db::idempotency::is_key_taken(&why), "{why:?}");
    assert_eq!(scene.count("orders").await, 1);
}
