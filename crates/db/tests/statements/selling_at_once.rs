//! Several who sell the same stock at the same moment, and transactions of unknown outcome.

use db::inventory::{self, RestockOutcome};
use db::orders::{FoundOrder, PlaceOutcome, find_out};
use serde_json::json;
use tokio::task::JoinSet;

use crate::finding_out::SLOW_COMMITS;
use crate::scene::{Scene, open};
use crate::shop::{Basket, is_placed, item_id, left, sell, short};

#[tokio::test]
async fn of_two_services_one_sells_the_last_portion() {
    let scene = Scene::new().await;
    scene.offer("soup", 1).await;
    let (one, other) = (open(&scene.stage), open(&scene.stage));
    // Both wait for the row, and the second one for the first one.
    let holder = scene.holding("select from inventory_items for update").await;
    let baskets = [Basket::of(&[("soup", 1)]), Basket::of(&[("soup", 1)])];
    let letting_go = async {
        scene.until_waiting(2).await;
        holder.execute("commit").await;
    };
    let (first, second, ()) =
        tokio::join!(sell(&one, &baskets[..1]), sell(&other, &baskets[1..]), letting_go);
    let outcomes = [first.unwrap().remove(0), second.unwrap().remove(0)];
    let loser = outcomes.iter().find(|outcome| !is_placed(outcome)).unwrap();
    assert_eq!(short(loser), ["soup: 1 of 0"]);
    assert_eq!(outcomes.iter().filter(|outcome| is_placed(outcome)).count(), 1);
    assert_eq!(scene.left("soup").await, 0);
    assert_eq!(scene.moved("soup").await, ["set 1 → 1 by staff", "order -1 → 0 by order-service"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_as_many_are_sold_as_there_are() {
    const PIECES: u32 = 60;
    let scene = Scene::at_noon().await;
    scene.offer("soup", PIECES).await;
    scene.offer("tea", PIECES * 10).await;
    let mut selling = JoinSet::new();
    for _ in 0..8 {
        // A service stores its orders one transaction after the other. More at once than it has
        // connections would wait for these, and not only for the stock.
        let service = open(&scene.stage);
        selling.spawn(async move {
            let mut sold = 0;
            for _ in 0..8 {
                let baskets = [
                    Basket::of(&[("tea", 1), ("soup", 2)]),
                    Basket::of(&[("tea", 1)]),
                    Basket::of(&[("soup", 1), ("tea", 1)]),
                ];
                let outcomes = sell(&service, &baskets).await.unwrap();
                assert!(is_placed(&outcomes[1]), "there is tea for all");
                sold += if is_placed(&outcomes[0]) { 2 } else { 0 } + u32::from(is_placed(&outcomes[2]));
            }
            sold
        });
    }
    let sold: u32 = selling.join_all().await.into_iter().sum();
    assert_eq!((sold, scene.left("soup").await), (PIECES, json!(0)));
    let sum = "select sum(quantity) from inventory_movements where item_id = 'soup' and reason = 'order'";
    assert_eq!(scene.value(sum).await, PIECES);
    // The numbers have no gap: no refused order took one.
    let numbers = "select max(substr(number, 14)::int) = count(*) from orders";
    assert_eq!(scene.value(numbers).await, true);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_the_same_items_in_another_order_blocks_nobody() {
    let scene = Scene::new().await;
    for id in ["a", "b", "c"] {
        scene.offer(id, 1_000).await;
    }
    let mut working = JoinSet::new();
    for turn in 0..8 {
        let db = open(&scene.stage);
        working.spawn(async move {
            for _ in 0..10 {
                let mut baskets =
                    [Basket::of(&[("a", 1)]), Basket::of(&[("c", 1), ("b", 1)]), Basket::of(&[("b", 2)])];
                baskets.rotate_left(turn % 3);
                for outcome in sell(&db, &baskets).await.unwrap() {
                    assert!(is_placed(&outcome));
                }
            }
        });
    }
    for turn in 0..4 {
        let db = open(&scene.stage);
        working.spawn(async move {
            for step in turn..turn + 9 {
                let id = item_id(["c", "a", "b"][step % 3]);
                inventory::restock(&db, &id, 1, "staff").await.unwrap();
            }
        });
    }
    working.join_all().await;
    assert_eq!(scene.left("b").await, 1_000 - 8 * 10 * 3 + 4 * 3);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn a_restock_and_a_sale_that_meet_both_count() {
    let scene = Scene::new().await;
    scene.offer("soup", 2).await;
    let holder = scene.holding("select from inventory_items for update").await;
    let baskets = [Basket::of(&[("soup", 2)])];
    let soup = item_id("soup");
    let letting_go = async {
        scene.until_waiting(2).await;
        holder.execute("commit").await;
    };
    let (sold, restocked, ()) =
        tokio::join!(sell(&scene.db, &baskets), inventory::restock(&scene.db, &soup, 5, "staff"), letting_go);
    assert!(is_placed(&sold.unwrap()[0]));
    assert!(matches!(restocked.unwrap(), RestockOutcome::Restocked(_)));
    assert_eq!(scene.left("soup").await, 5);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn an_item_that_is_counted_while_it_is_sold_keeps_its_number() {
    let scene = Scene::new().await;
    scene.offer_unlimited("soup").await;
    scene.place().await;
    let holder = scene.holding("select from order_counters for update").await;
    let baskets = [Basket::of(&[("soup", 2)])];
    let counting = async {
        scene.until_waiting(1).await;
        inventory::set_left(&scene.db, &item_id("soup"), Some(left(7)), "staff").await.unwrap();
        holder.execute("commit").await;
    };
    let (sold, ()) = tokio::join!(sell(&scene.db, &baskets), counting);
    assert!(is_placed(&sold.unwrap()[0]), "it was unlimited when it was its turn");
    assert_eq!(scene.left("soup").await, 7);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn an_order_of_unknown_outcome_is_found_with_its_stock() {
    let scene = Scene::new().await;
    scene.offer("soup", 5).await;
    scene.execute(SLOW_COMMITS).await;
    let holder = scene.holding("select pg_advisory_xact_lock(42)").await;
    let baskets = [Basket::of(&[("soup", 2)])];
    let asked = [baskets[0].identity];
    let finding = async {
        scene.until_waiting(1).await;
        tokio::join!(find_out(&scene.db, &asked), async {
            scene.until_waiting(2).await;
            holder.execute("commit").await;
        })
    };
    let (sold, (found, ())) = tokio::join!(sell(&scene.db, &baskets), finding);
    let PlaceOutcome::Placed(order) = sold.unwrap().remove(0) else { panic!("it is stored") };
    assert_eq!(found.unwrap(), [FoundOrder { order, sent: false }]);
    assert_eq!(scene.left("soup").await, 3);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn a_commit_that_fails_stores_neither_order_nor_stock() {
    let scene = Scene::at_noon().await;
    scene.offer("soup", 5).await;
    scene.execute(SLOW_COMMITS).await;
    let holder = scene.holding("select pg_advisory_xact_lock(42)").await;
    let baskets = [Basket::of(&[("soup", 2)])];
    let asked = [baskets[0].identity];
    let finding = async {
        scene.until_waiting(1).await;
        tokio::join!(find_out(&scene.db, &asked), async {
            scene.until_waiting(2).await;
            let end = "select pg_cancel_backend(pid) from pg_stat_activity
                       where datname = current_database() and wait_event = 'advisory'";
            scene.execute(end).await;
        })
    };
    let (sold, (found, ())) = tokio::join!(sell(&scene.db, &baskets), finding);
    assert!(!sold.unwrap_err().is_in_doubt());
    assert_eq!(found.unwrap(), []);
    holder.execute("commit").await;
    assert_eq!(scene.left("soup").await, 5);
    assert_eq!(scene.sell(&[("soup", 5)]).await.number.sequence(), 1, "no number was lost");
}

#[tokio::test]
async fn a_transaction_that_comes_late_takes_nothing() {
    let scene = Scene::new().await;
    scene.offer("soup", 5).await;
    // It has begun, and waits for its stock.
    let holder = scene.holding("select from inventory_items for update").await;
    let baskets = [Basket::of(&[("soup", 2)])];
    let asked = [baskets[0].identity];
    let finding = async {
        scene.until_waiting(1).await;
        let found = find_out(&scene.db, &asked).await;
        holder.execute("commit").await;
        found
    };
    let (sold, found) = tokio::join!(sell(&scene.db, &baskets), finding);
    assert_eq!(found.unwrap(), []);
    sold.unwrap_err();
    assert_eq!((scene.left("soup").await, scene.count("orders").await), (json!(5), 0));
    assert_eq!(scene.moved("soup").await, ["set 5 → 5 by staff"]);
}

/// What is locked and what is written is one and the same, however often the stock changes
/// meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sold_that_is_not_there_while_staff_bring_more() {
    const PORTIONS: u32 = 150;
    let scene = Scene::at_noon().await;
    scene.offer("soup", 1).await;
    let mut working = JoinSet::new();
    for _ in 0..6 {
        let db = open(&scene.stage);
        working.spawn(async move {
            let mut sold = 0;
            for _ in 0..60 {
                let outcomes = sell(&db, &[Basket::of(&[("soup", 1)])]).await.unwrap();
                sold += outcomes.iter().filter(|outcome| is_placed(outcome)).count();
            }
            sold
        });
    }
    let db = open(&scene.stage);
    working.spawn(async move {
        for _ in 1..PORTIONS {
            inventory::restock(&db, &item_id("soup"), 1, "staff").await.unwrap();
        }
        0
    });
    let sold: usize = working.join_all().await.into_iter().sum();
    let left = usize::try_from(scene.left("soup").await.as_u64().unwrap()).unwrap();
    assert_eq!(sold + left, usize::try_from(PORTIONS).unwrap());
    assert_eq!(scene.broken().await, []);
}
