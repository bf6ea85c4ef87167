//! `orders::place` from the menu: stock, movements and adjustments in the order's transaction.

use db::orders::{self, FromMenu, PlaceOutcome, Placement};
use db::{idempotency, inventory};
use domain::pricing::{Adjustment, AdjustmentKind};
use domain::{Fingerprint, IdempotencyKey, IdempotentRequest};
use serde_json::json;

use crate::scene::{Scene, identity, request_id, takeout};
use crate::shop::{Basket, fee, is_placed, item_id, sell, short};

#[tokio::test]
async fn an_order_takes_what_it_wants_and_a_movement_says_so() {
    let scene = Scene::new().await;
    scene.offer("soup", 10).await;
    scene.offer("tea", 5).await;
    let order = scene.sell(&[("tea", 1), ("soup", 2), ("soup", 1)]).await;
    assert_eq!((scene.left("soup").await, scene.left("tea").await), (json!(7), json!(4)));
    let moved = "select item_id, delta, left_after, quantity, reason, changed_by, created_at = placed.at as is_then
                 from inventory_movements join (select id, created_at as at from orders) as placed on order_id = placed.id
                 order by inventory_movements.id";
    let movement = |item: &str, quantity: i32, left: i32| {
        json!({"item_id": item, "delta": -quantity, "left_after": left, "quantity": quantity, "reason": "order",
               "changed_by": "order-service", "is_then": true})
    };
    assert_eq!(scene.rows(moved).await, [movement("soup", 3, 7), movement("tea", 1, 4)]);
    let movements = inventory::movements(&scene.db, &item_id("soup"), None, 10).await.unwrap();
    assert_eq!(movements[0].order, Some(order.number));
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn what_rules_changed_is_stored_with_the_order() {
    let scene = Scene::new().await;
    let discount = Adjustment {
        kind: AdjustmentKind::Discount,
        rule: "happy-hour".parse().unwrap(),
        label: "Happy hour".parse().unwrap(),
        line: Some(1),
        base: "8.99".parse().unwrap(),
        amount: "-0.90".parse().unwrap(),
        included: None,
    };
    let vat = Adjustment {
        kind: AdjustmentKind::Tax,
        amount: "0".parse().unwrap(),
        included: Some("2.19".parse().unwrap()),
        ..fee("0")
    };
    let baskets = [Basket::of(&[]).with(&[fee("1.00")]), Basket::of(&[]).with(&[discount, fee("3.50"), vat])];
    let outcomes = sell(&scene.db, &baskets).await.unwrap();
    assert!(outcomes.iter().all(is_placed), "{outcomes:?}");
    let stored = "select number, place, kind, rule, label, line, base::text, amount::text, included::text,
                         total_amount::text
                  from order_adjustments join orders on orders.id = order_id order by number desc, place";
    let number = outcomes[1].clone().placed().unwrap().number.to_string();
    let row = |place: i32, kind: &str, rule: &str, label: &str| {
        json!({"number": number, "place": place, "kind": kind, "rule": rule, "label": label, "line": null,
               "base": "24.98", "amount": "3.50", "included": null, "total_amount": "27.58"})
    };
    let mut happy = row(1, "discount", "happy-hour", "Happy hour");
    (happy["line"], happy["base"], happy["amount"]) = (json!(1), json!("8.99"), json!("-0.90"));
    let mut vat = row(3, "tax", "delivery", "Delivery");
    (vat["amount"], vat["included"]) = (json!("0.00"), json!("2.19"));
    let rows = scene.rows(stored).await;
    assert_eq!(rows[..3], [happy, row(2, "fee", "delivery", "Delivery"), vat]);
    assert_eq!(rows.len(), 4);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn an_order_that_is_refused_takes_nothing_and_its_neighbours_are_untouched() {
    let scene = Scene::at_noon().await;
    scene.offer("soup", 3).await;
    scene.offer("tea", 1).await;
    let baskets = [
        Basket::of(&[("soup", 1)]),
        Basket::of(&[("soup", 3), ("tea", 2), ("bread", 9)]).with(&[fee("1.00")]),
        Basket::of(&[("soup", 2), ("tea", 1)]),
        Basket::of(&[("tea", 1)]),
    ];
    let outcomes = sell(&scene.db, &baskets).await.unwrap();
    assert_eq!(outcomes.iter().map(is_placed).collect::<Vec<_>>(), [true, false, true, false]);
    assert_eq!(short(&outcomes[1]), ["soup: 3 of 2", "tea: 2 of 1"]);
    assert_eq!(short(&outcomes[3]), ["tea: 1 of 0"]);
    let numbers: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.clone().placed()).collect();
    assert_eq!(numbers.iter().map(|order| order.number.sequence()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(
        numbers.iter().map(|order| order.identity).collect::<Vec<_>>(),
        [baskets[0].identity, baskets[2].identity]
    );
    assert_eq!((scene.left("soup").await, scene.left("tea").await), (json!(0), json!(0)));
    assert_eq!(
        scene.moved("soup").await,
        ["set 3 → 3 by staff", "order -1 → 2 by order-service", "order -2 → 0 by order-service"]
    );
    assert_eq!(scene.count("order_adjustments").await, 0);
    assert_eq!(scene.count("order_identities").await, 2);
    assert_eq!(inventory::used_up(&scene.db).await.unwrap(), [item_id("soup"), item_id("tea")]);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn a_call_in_which_nobody_gets_anything_stores_nothing() {
    let scene = Scene::at_noon().await;
    scene.offer("soup", 1).await;
    let baskets = [Basket::of(&[("soup", 2)]), Basket::of(&[("soup", 3)])];
    let outcomes = sell(&scene.db, &baskets).await.unwrap();
    assert_eq!(outcomes.iter().map(short).collect::<Vec<_>>(), [["soup: 2 of 1"], ["soup: 3 of 1"]]);
    for table in
        ["orders", "order_counters", "order_identities", "inventory_movements where reason = 'order'"]
    {
        assert_eq!(scene.count(table).await, 0, "{table}");
    }
    // Its locks are gone, and its connection has no open transaction.
    scene.execute("set statement_timeout = '5s'; update inventory_items set \"left\" = 1").await;
    assert_eq!(scene.place().await.number.sequence(), 1);
}

#[tokio::test]
async fn what_is_unlimited_stays_so() {
    let scene = Scene::new().await;
    scene.offer_unlimited("soup").await;
    let order = scene.sell(&[("soup", 10), ("not-on-the-menu", 1)]).await;
    scene.cancel(&order).await;
    assert_eq!(scene.count("inventory_items").await, 0);
    assert_eq!(scene.count("inventory_movements").await, 0);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn orders_of_a_call_may_have_nothing_to_do_with_the_menu() {
    let scene = Scene::at_noon().await;
    scene.offer("soup", 2).await;
    let (order, request_id) = (takeout(), request_id("a-request"));
    let basket = Basket::of(&[("soup", 2)]);
    let demands = [None, Some(basket.demand()), None];
    let placements: Vec<_> = demands
        .map(|demand| Placement {
            identity: identity(),
            order: &order,
            request_id: &request_id,
            idempotency: None,
            from_menu: demand.map(|demand| FromMenu { demand, adjustments: &[] }),
            request: None,
        })
        .into();
    let outcomes = orders::place(&scene.db, &placements).await.unwrap();
    let numbers = outcomes.into_iter().map(|outcome| outcome.placed().unwrap().number.sequence());
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 2, 3]);
    let seller = "select number from inventory_movements join orders on orders.id = order_id";
    assert_eq!(scene.value(seller).await, "ORD_20261120_002");
}

#[tokio::test]
async fn a_repeated_request_takes_nothing_again() {
    let scene = Scene::new().await;
    scene.offer("soup", 5).await;
    let request = IdempotentRequest {
        key: IdempotencyKey::parse(b"a-key").unwrap(),
        fingerprint: Fingerprint::of(b"a body"),
    };
    let (order, request_id) = (takeout(), request_id("a-request"));
    let basket = Basket::of(&[("soup", 2)]);
    let place = async || {
        let from_menu = Some(FromMenu { demand: basket.demand(), adjustments: &[] });
        let (identity, idempotency) = (identity(), Some(&request));
        let placement = Placement {
            identity,
            order: &order,
            request_id: &request_id,
            idempotency,
            from_menu,
            request: None,
        };
        orders::place(&scene.db, &[placement]).await
    };
    assert!(matches!(place().await.unwrap()[..], [PlaceOutcome::Placed(_)]));
    let why = place().await.unwrap_err();
    assert!(idempotency::is_key_taken(&why) && !why.is_in_doubt(), "{why:?}");
    assert_eq!(scene.left("soup").await, 3);
    assert_eq!(scene.moved("soup").await.len(), 2);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn an_order_that_the_database_refuses_takes_nothing() {
    let scene = Scene::at_noon().await;
    scene.offer("soup", 5).await;
    let basket = Basket::of(&[("soup", 2)]);
    sell(&scene.db, std::slice::from_ref(&basket)).await.unwrap();
    let why = sell(&scene.db, &[Basket::of(&[("soup", 1)]), basket]).await.unwrap_err();
    assert!(why.is_permanent() && !why.is_in_doubt(), "{why:?}");
    assert_eq!(scene.left("soup").await, 3);
    assert_eq!(scene.sell(&[("soup", 1)]).await.number.sequence(), 2, "no number is lost");
}

#[tokio::test]
async fn an_order_that_is_removed_by_hand_leaves_the_stock_as_it_is() {
    let scene = Scene::new().await;
    scene.offer("soup", 5).await;
    for removal in ["delete from orders", "truncate orders cascade"] {
        let basket = Basket::of(&[("soup", 1)]).with(&[fee("1.00")]);
        sell(&scene.db, &[basket]).await.unwrap();
        scene
            .execute("delete from order_items; delete from order_status_log; delete from order_counters")
            .await;
        scene.execute(removal).await;
        assert_eq!(scene.count("order_adjustments").await, 0, "{removal}");
        assert_eq!(scene.count("inventory_movements where order_id is not null").await, 0, "{removal}");
    }
    assert_eq!((scene.left("soup").await, scene.moved("soup").await.len()), (json!(3), 3));
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn a_table_that_was_altered_meanwhile_costs_nobody_anything() {
    let scene = Scene::new().await;
    scene.offer("soup", 5).await;
    scene.sell(&[("soup", 1)]).await;
    scene.execute("alter table inventory_items alter item_id type varchar").await;
    scene.sell(&[("soup", 1)]).await;
    assert_eq!(scene.left("soup").await, 3);
    assert_eq!(scene.count("orders").await, 2);
}
