//! Batches without and with an order that is refused. With one, the stock is locked first, each
//! order judged, and what is admitted stored in a second step. What happens in between is seen.

use db::orders::{self, FromMenu, PlaceOutcome, Placement};
use db::{Database, DbError, order_requests};
use domain::OrderRequest;
use serde_json::json;

use crate::requesting::{failure, new_request};
use crate::scene::{Scene, identity, open, request_id, takeout};
use crate::shop::{Basket, is_placed, sell, short};

/// A batch that is stored by one statement.
fn admitted() -> Vec<Basket> {
    vec![Basket::of(&[("soup", 1)]), Basket::of(&[("soup", 1)])]
}

/// The same, with an order that is refused between the two.
fn with_a_refused_one() -> Vec<Basket> {
    vec![Basket::of(&[("soup", 1)]), Basket::of(&[("tea", 1)]), Basket::of(&[("soup", 1)])]
}

async fn with_soup_and_no_tea() -> Scene {
    let scene = Scene::at_noon().await;
    scene.offer("soup", 5).await;
    scene.offer("tea", 0).await;
    scene
}

/// Its session has locked the stock, and waits for the counter. In the second batch that is the
/// second step.
#[tokio::test]
async fn a_service_that_is_killed_while_it_holds_the_stock_takes_nothing() {
    for baskets in [admitted(), with_a_refused_one()] {
        let scene = with_soup_and_no_tea().await;
        scene.place().await;
        let holder = scene.holding("select from order_counters for update").await;
        let db = open(&scene.stage);
        let selling = tokio::spawn(async move { sell(&db, &baskets).await });
        scene.until_waiting(1).await;
        let end = "select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'";
        scene.execute(end).await;
        let why = selling.await.unwrap().unwrap_err();
        assert!(why.is_in_doubt(), "{why:?}");
        holder.execute("commit").await;
        assert_eq!(scene.left("soup").await, 5);
        assert_eq!(scene.sell(&[("soup", 5)]).await.number.sequence(), 2, "no number was lost");
        assert_eq!(scene.broken().await, []);
    }
}

/// Sells a batch that waits for the soup until another session has done this with it.
async fn sold_after(scene: &Scene, done: &str, baskets: &[Basket]) -> Vec<PlaceOutcome> {
    let holder = scene.holding(done).await;
    let letting_go = async {
        scene.until_waiting(1).await;
        holder.execute("commit").await;
    };
    let (sold, ()) = tokio::join!(sell(&scene.db, baskets), letting_go);
    sold.unwrap()
}

#[tokio::test]
async fn an_item_that_is_no_longer_counted_when_it_is_locked_is_unlimited() {
    for baskets in [admitted(), with_a_refused_one()] {
        let scene = with_soup_and_no_tea().await;
        let uncounted = "delete from inventory_items where item_id = 'soup';
            insert into inventory_movements (created_at, item_id, delta, quantity, reason, changed_by)
            values (now(), 'soup', -5, 5, 'unlimited', 'staff')";
        let outcomes = sold_after(&scene, uncounted, &baskets).await;
        assert_eq!(outcomes.iter().filter(|outcome| is_placed(outcome)).count(), 2);
        assert_eq!(
            scene.moved("soup").await,
            ["set 5 → 5 by staff", "unlimited -5 → unlimited by staff"],
            "no number became of none"
        );
        assert_eq!(scene.broken().await, []);
    }
}

#[tokio::test]
async fn what_is_left_after_each_follows_from_the_stock_that_was_locked() {
    for baskets in [admitted(), with_a_refused_one()] {
        let scene = with_soup_and_no_tea().await;
        let restocked = "update inventory_items set \"left\" = 15 where item_id = 'soup';
            insert into inventory_movements (created_at, item_id, delta, left_after, quantity, reason, changed_by)
            values (now(), 'soup', 10, 15, 10, 'restock', 'staff')";
        let outcomes = sold_after(&scene, restocked, &baskets).await;
        assert_eq!(outcomes.iter().filter(|outcome| is_placed(outcome)).count(), 2);
        let moved = [
            "set 5 → 5 by staff",
            "restock 10 → 15 by staff",
            "order -1 → 14 by order-service",
            "order -1 → 13 by order-service",
        ];
        assert_eq!(scene.moved("soup").await, moved);
        assert_eq!(scene.broken().await, []);
    }
}

/// Places the baskets; the first one is asked for by a message.
async fn ask(db: &Database, asked: OrderRequest, baskets: &[Basket]) -> Result<Vec<PlaceOutcome>, DbError> {
    let (order, request_id) = (takeout(), request_id("a-request"));
    let requests = [Some(asked)].into_iter().chain(std::iter::repeat(None));
    let placements = baskets.iter().zip(requests).map(|(basket, request)| Placement {
        identity: identity(),
        order: &order,
        request_id: &request_id,
        idempotency: None,
        from_menu: Some(FromMenu { demand: basket.demand(), adjustments: &[] }),
        request,
    });
    orders::place(db, &placements.collect::<Vec<_>>()).await
}

#[tokio::test]
async fn a_request_that_another_service_decides_in_the_meantime_is_repeated() {
    for baskets in [admitted(), with_a_refused_one()] {
        let scene = with_soup_and_no_tea().await;
        scene.place().await;
        let asked = new_request();
        let holder = scene.holding("select from order_counters for update").await;
        let deciding = async {
            scene.until_waiting(1).await;
            let first =
                order_requests::fail(&scene.db, &asked, &request_id("the-first"), &failure()).await.unwrap();
            assert!(first, "nobody had decided it");
            holder.execute("commit").await;
        };
        let (outcomes, ()) = tokio::join!(ask(&scene.db, asked, &baskets), deciding);
        let outcomes = outcomes.unwrap();
        assert!(matches!(outcomes.first(), Some(PlaceOutcome::Repeated)), "{outcomes:?}");
        assert!(is_placed(outcomes.last().unwrap()), "{outcomes:?}");
        if let [_, refused, _] = &outcomes[..] {
            assert_eq!(short(refused), ["tea: 1 of 0"]);
        }
        assert_eq!([scene.left("soup").await, scene.count("orders").await.into()], [json!(4), json!(2)]);
        assert_eq!(scene.broken().await, []);
    }
}
