//! Lives of orders by the statements themselves, whatever is tried, and by whom.

use db::claims::{Claim, ClaimOutcome, RecallOutcome};
use db::orders::PlacedOrder;
use db::transitions;
use domain::OrderStatus;
use serde_json::json;

use crate::scene::{Scene, anna, mario, request_id};

const LIVES: u64 = 12;
const ATTEMPTS: usize = 60;

/// Choices that are the same in each run (a linear congruential generator, with the constants of
/// MMIX).
struct Choices(u64);

impl Choices {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

async fn complete(scene: &Scene, order: &PlacedOrder) {
    let (from, next) = (&[OrderStatus::Ready], OrderStatus::Completed);
    let request = request_id("a-completion");
    transitions::change(&scene.db, &order.number, None, from, next, "staff", &request).await.unwrap();
}

/// Tries what people and workers may try, in this sequence.
async fn live(scene: &Scene, order: &PlacedOrder, choices: &mut Choices) {
    let cooks = [anna(), mario()];
    let mut claims: [Option<Claim>; 2] = [None, None];
    for _ in 0..ATTEMPTS {
        let place = choices.below(cooks.len());
        let (cook, claim) = (&cooks[place], &mut claims[place]);
        match choices.below(40) {
            0..10 => {
                if let ClaimOutcome::Granted(granted) = scene.claim(cook, order).await {
                    *claim = Some(granted);
                }
            }
            // Also with a claim that has ended.
            10..22 => {
                if let Some(claim) = claim {
                    scene.finish(cook, order, claim).await;
                }
            }
            22..34 => {
                if let RecallOutcome::Granted(granted) = scene.recall(cook, order).await {
                    *claim = Some(granted);
                }
            }
            34..38 => scene.leases_ended("1 second").await,
            38 => complete(scene, order).await,
            _ => {
                scene.cancel(order).await;
            }
        }
    }
}

#[tokio::test]
async fn whatever_is_tried_an_order_counts_once_for_who_made_it() {
    let scene = Scene::new().await;
    for cook in [anna(), mario()] {
        scene.register(&cook).await;
    }
    let mut choices = Choices(18);
    for _ in 0..LIVES {
        let order = scene.place().await;
        live(&scene, &order, &mut choices).await;
    }
    let recalls = scene.count("order_status_log where notes = 'recalled'").await;
    assert!(recalls > LIVES / 2, "{recalls} recalls of {LIVES} orders: the test tries too little");

    // The order counts while it is made: it is ready, handed over, or was cancelled on the counter.
    let made = "select json_object_agg(name, made) from (
            select name, (
                select count(*) from orders where processed_by = name and (
                    status in ('ready', 'completed')
                    or status = 'cancelled' and 'ready' = (
                        select status from order_status_log as log where order_id = orders.id and log.status <> 'cancelled'
                        order by log.id desc limit 1))
            ) as made from workers
        ) as counted";
    let counted = "select json_object_agg(name, coalesce(orders_processed, 0)) from workers";
    assert_eq!(scene.value(counted).await, scene.value(made).await);

    let left = "order_status_log as log where exists (
            select from order_status_log as earlier where earlier.order_id = log.order_id
                and earlier.id < log.id and earlier.status in ('completed', 'cancelled'))";
    assert_eq!(scene.count(left).await, 0, "nothing leaves its end");
    let repeated = "select coalesce(json_agg(number), '[]') from (
            select number from orders join order_status_log as log on order_id = orders.id
            group by number, log.status
            having count(*) > 1 + (select count(*) from order_status_log as recall
                                   where recall.order_id = min(log.order_id) and recall.notes = 'recalled')
        ) as more";
    assert_eq!(scene.value(repeated).await, json!([]), "only recalls repeat a status");
}
