//! `restoring`, `held_orders` and `backups`: what is held, skipped and recorded, and what a person
//! releases.

use std::time::Duration;

use db::audit::{self, Invariant, Scope, Since};
use db::backups;
use db::claims::ClaimOutcome;
use db::held_orders::{self, Release};
use db::orders::PlacedOrder;
use db::outbox::{self, Published};
use db::rescue::{escalate, redeliver, still_waiting, waiting};
use db::restoring::{self, Knowledge, KnownBackup, Outcome, RestoreError};
use db::{Access, Database, system_figures};
use domain::{OrderNumber, OrderType};
use serde_json::json;
use time::OffsetDateTime;

use crate::outbox::LOOK;
use crate::scene::{Scene, anna, mario};

const BACKUP: &str = "0b0c8f1e-6d3a-4d0e-9a58-3f1f6f0c2f11";
const TAKEOUT: OrderType = OrderType::Takeout;
const PATIENCE: Duration = Duration::ZERO;

impl Scene {
    async fn restore(&self, given_out: &[OrderNumber], acknowledged: &[OrderNumber]) -> Outcome {
        let backup = Some(KnownBackup { id: BACKUP, finished_at: OffsetDateTime::UNIX_EPOCH });
        let known = Knowledge { backup, taken_by: "restaurant-ctl", given_out, acknowledged };
        restoring::restore(&self.db, &known).await.unwrap()
    }

    async fn held(&self) -> Vec<String> {
        held_orders::list(&self.db).await.unwrap().into_iter().map(|order| order.number).collect()
    }

    /// Publishes what is due of the takeout orders, and returns their numbers.
    async fn relayed(&self) -> Vec<String> {
        let mut numbers = Vec::new();
        let publish = async |rows: Vec<outbox::OrderOutboxRow>| {
            numbers = rows.iter().map(|row| row.message.order_number.to_string()).collect();
            Published { confirmed: rows.iter().map(|row| row.order_id).collect(), ..Published::default() }
        };
        outbox::relay_orders(&self.db, TAKEOUT, LOOK, publish).await.unwrap();
        numbers
    }

    /// What the audit finds of orders that cook without a worker, and the numbers of those whose
    /// messages should be in a queue.
    async fn without_a_worker(&self) -> (Vec<String>, Vec<String>) {
        let statement_timeout = Duration::from_secs(30);
        let scope = Scope { since: Since::Ever, settled: true, statement_timeout };
        let audit = audit::run(&self.db, &scope).await.unwrap();
        let still = audit::still_waiting(&self.db, &audit.waiting).await.unwrap();
        assert_eq!(still, audit.waiting);
        let broken = audit.findings.into_iter().filter(|of| of.invariant == Invariant::CookingIsClaimed);
        (
            broken.flat_map(|finding| finding.examples).collect(),
            still.into_iter().map(|order| order.number).collect(),
        )
    }
}

/// The number so far behind this one.
fn behind(order: &PlacedOrder, steps: u32) -> OrderNumber {
    OrderNumber::new(order.number.day(), order.number.sequence() + steps)
}

fn number(order: &PlacedOrder) -> String {
    order.number.to_string()
}

#[tokio::test]
async fn what_is_open_is_neither_sent_nor_cooked_until_it_is_released() {
    let scene = Scene::at_noon().await;
    let orders = scene.place_many(4).await;
    scene.register(&anna()).await;
    let claim = scene.granted(&anna(), &orders[0]).await;
    scene.finish(&anna(), &orders[0], &claim).await;
    scene.granted(&anna(), &orders[1]).await;
    let outcome = scene.restore(&[], &[]).await;
    assert_eq!(outcome, Outcome { held: Some(3), gaps: Vec::new(), all_gaps: Vec::new(), lost: Vec::new() });
    assert_eq!(scene.held().await, [number(&orders[1]), number(&orders[2]), number(&orders[3])]);
    assert_eq!(scene.count("order_claims").await, 0);
    assert_eq!(scene.count("workers where status = 'online'").await, 0);

    // Not by the relay, not by the rescuer, not by a worker that has its message.
    assert!(outbox::due(&scene.db).await.unwrap().orders.is_empty());
    assert_eq!(scene.relayed().await, Vec::<String>::new());
    assert_eq!(waiting(&scene.db, TAKEOUT, PATIENCE, 10).await.unwrap(), Vec::<i32>::new());
    assert_eq!(escalate(&scene.db, TAKEOUT, PATIENCE, 10).await.unwrap(), Vec::new());
    scene.register(&mario()).await;
    for order in &orders[1..] {
        assert_eq!(scene.claim(&mario(), order).await, ClaimOutcome::OnHold);
    }

    // Even if its message was confirmed meanwhile.
    scene.execute("delete from order_outbox").await;
    let rows = [scene.row_of(&orders[2]).await];
    assert_eq!(still_waiting(&scene.db, &rows, PATIENCE).await.unwrap(), rows);
    redeliver(&scene.db, &rows, PATIENCE, 10).await.unwrap();
    assert_eq!(scene.relayed().await, Vec::<String>::new());

    let released = held_orders::release(&scene.db, Release::Numbers(&[orders[1].number])).await.unwrap();
    assert_eq!(released, [number(&orders[1])]);
    assert_eq!(scene.relayed().await, [number(&orders[1])]);
    scene.granted(&mario(), &orders[1]).await;
    assert_eq!(scene.life(&orders[1]).await, json!(["received", "cooking"]));
    let released = held_orders::release(&scene.db, Release::All).await.unwrap();
    assert_eq!(released, [number(&orders[2]), number(&orders[3])]);
    assert_eq!(scene.relayed().await.len(), 2);
    assert!(held_orders::release(&scene.db, Release::All).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_cancelled_order_is_released_by_nobody() {
    let scene = Scene::at_noon().await;
    let orders = scene.place_many(2).await;
    scene.restore(&[], &[]).await;
    scene.cancel(&orders[0]).await;
    assert_eq!(scene.held().await, [number(&orders[1])]);
    // Its message goes out, or prune would never find it settled.
    assert_eq!(scene.relayed().await, [number(&orders[0])]);
    assert_eq!(scene.count("order_outbox").await, 1);
    assert_eq!(held_orders::release(&scene.db, Release::All).await.unwrap(), [number(&orders[1])]);
    assert_eq!(scene.count("held_orders where released_at is null").await, 0);
    assert_eq!(scene.relayed().await, [number(&orders[1])]);
    assert_eq!(scene.status(&orders[0]).await, "cancelled");
}

#[tokio::test]
async fn a_released_order_cooks_without_a_worker_until_one_takes_it() {
    let scene = Scene::at_noon().await;
    let order = scene.place().await;
    scene.register(&anna()).await;
    scene.granted(&anna(), &order).await;
    scene.restore(&[], &[]).await;
    scene.register(&mario()).await;
    let nothing = (Vec::new(), Vec::new());
    assert_eq!(scene.without_a_worker().await, nothing, "it is held");
    held_orders::release(&scene.db, Release::All).await.unwrap();
    assert_eq!(scene.without_a_worker().await, nothing, "its message is on its way");
    assert_eq!(scene.relayed().await, [number(&order)]);
    assert_eq!(scene.without_a_worker().await, (Vec::new(), vec![number(&order)]));
    scene.granted(&mario(), &order).await;
    assert_eq!(scene.without_a_worker().await, nothing);
    scene.leases_ended("2 minutes").await;
    let (broken, waiting) = scene.without_a_worker().await;
    assert!(broken.len() == 1 && waiting.is_empty(), "{broken:?}, {waiting:?}");

    // Only a release excuses it.
    scene.execute("delete from order_claims; delete from held_orders").await;
    let (broken, waiting) = scene.without_a_worker().await;
    assert!(broken.len() == 1 && waiting.is_empty(), "{broken:?}, {waiting:?}");
}

#[tokio::test]
async fn a_second_restore_holds_nothing_more() {
    let scene = Scene::at_noon().await;
    let old = scene.place().await;
    assert_eq!(scene.restore(&[], &[]).await.held, Some(1));
    let new = scene.place().await;
    held_orders::release(&scene.db, Release::All).await.unwrap();
    assert_eq!(scene.restore(&[], &[]).await.held, None);
    assert!(scene.held().await.is_empty(), "{old:?} and {new:?} are the kitchen's");
}

#[tokio::test]
async fn each_restore_by_another_program_is_a_new_one() {
    let scene = Scene::at_noon().await;
    let known = Knowledge { backup: None, taken_by: "barman", given_out: &[], acknowledged: &[] };
    scene.place().await;
    assert_eq!(restoring::restore(&scene.db, &known).await.unwrap().held, Some(1));
    held_orders::release(&scene.db, Release::All).await.unwrap();
    scene.place().await;
    assert_eq!(restoring::restore(&scene.db, &known).await.unwrap().held, Some(2));
    assert_eq!(scene.count("restores").await, 2);
    assert_eq!(scene.held().await.len(), 2, "the first is held again");
    assert_eq!(scene.relayed().await, Vec::<String>::new());
}

/// One that claims meanwhile waits for the restore, and finds the order held. Here the worker is
/// seen, so that nothing is done.
#[tokio::test]
async fn a_worker_that_starts_during_a_restore_by_another_program_is_noticed() {
    let scene = Scene::at_noon().await;
    scene.place().await;
    let known = Knowledge { backup: None, taken_by: "barman", given_out: &[], acknowledged: &[] };
    let others = scene.holding("lock table orders in row exclusive mode").await;
    let meanwhile = async {
        scene.until_waiting(1).await;
        let settings = scene.stage.database_settings();
        let worker = Database::new(&settings, "kitchen-worker", Access::ReadWrite).unwrap();
        held_orders::list(&worker).await.unwrap();
        others.execute("commit").await;
        worker
    };
    let (restored, _worker) = tokio::join!(restoring::restore(&scene.db, &known), meanwhile);
    let Err(RestoreError::AtWork(names)) = &restored else { panic!("{restored:?}") };
    assert_eq!(*names, ["kitchen-worker"]);
    assert_eq!([scene.count("restores").await, scene.count("held_orders").await], [0, 0]);
}

#[tokio::test]
async fn numbers_go_on_behind_those_that_were_given_out() {
    let scene = Scene::at_noon().await;
    let last = scene.place_many(3).await[2];
    let outcome = scene.restore(&[behind(&last, 2)], &[last.number, behind(&last, 4)]).await;
    let [gap] = outcome.gaps.as_slice() else { panic!("{outcome:?}") };
    assert_eq!((gap.first, gap.last), (behind(&last, 1), behind(&last, 4)));
    assert_eq!(outcome.lost, [behind(&last, 4)]);
    assert_eq!(outcome.all_gaps, outcome.gaps);
    assert_eq!(scene.place().await.number, behind(&last, 5));
    // Lower ones change nothing; higher ones make another gap, behind what was placed since.
    let again = scene.restore(&[last.number, behind(&last, 4)], &[]).await;
    assert_eq!((again.gaps, again.lost), (Vec::new(), vec![behind(&last, 4)]));
    let further = scene.restore(&[behind(&last, 7)], &[]).await;
    let [gap] = further.gaps.as_slice() else { panic!("{further:?}") };
    assert_eq!((gap.first, gap.last), (behind(&last, 6), behind(&last, 7)));
    assert_eq!((again.all_gaps, further.all_gaps), (outcome.all_gaps, [outcome.gaps, further.gaps].concat()));
    assert_eq!(scene.place().await.number, behind(&last, 8));
}

#[tokio::test]
async fn a_day_without_orders_gets_its_counter() {
    let scene = Scene::at_noon().await;
    let order = scene.place().await;
    let earlier = OrderNumber::new(order.number.day().previous_day().unwrap(), 7);
    let outcome = scene.restore(&[earlier], &[]).await;
    let [gap] = outcome.gaps.as_slice() else { panic!("{outcome:?}") };
    assert_eq!((gap.first.sequence(), gap.last), (1, earlier));
}

#[tokio::test]
async fn an_order_that_was_pruned_is_not_lost() {
    let scene = Scene::at_noon().await;
    let order = scene.place().await;
    let earlier = |sequence| OrderNumber::new(order.number.day().previous_day().unwrap(), sequence);
    let text = earlier(7).to_string();
    let day = text.split('_').nth(1).unwrap();
    scene.execute(&format!("insert into pruned_orders values ('{day}', '{{[1,8)}}')")).await;
    let outcome = scene.restore(&[], &[order.number, earlier(7), earlier(8)]).await;
    assert_eq!(outcome.lost, [earlier(8)]);
}

#[tokio::test]
async fn the_last_good_backup_is_known() {
    let scene = Scene::new().await;
    let figures = async || system_figures::read(&scene.db).await.unwrap();
    assert_eq!(figures().await.last_backup.to_bits(), 0.0_f64.to_bits());
    assert_eq!(backups::safeguard(&scene.db).await.unwrap().last_backup_age, None);
    let begun = backups::begin(&scene.db, "restaurant-ctl").await.unwrap();
    assert_eq!(backups::safeguard(&scene.db).await.unwrap().last_backup_age, None, "it is not finished");
    backups::finish(&scene.db, &begun.id, begun.started_at).await.unwrap();
    assert!(backups::safeguard(&scene.db).await.unwrap().last_backup_age.is_some());
    assert!(figures().await.last_backup > 1.7e9);
    backups::record(&scene.db, "pgbackrest").await.unwrap();
    assert_eq!(scene.count("backups where finished_at is not null").await, 2);
    scene.place_all(&[crate::scene::takeout()]).await;
    let (_, numbers) = backups::numbers_given_out(&scene.db, 7).await.unwrap();
    assert_eq!(numbers.len(), 1);
    let source = backups::source(&scene.db).await.unwrap();
    assert!(source.schema_version >= 20, "{source:?}");
    assert_eq!(backups::missing_rights(&scene.db).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn held_orders_are_counted_and_their_messages_are_not() {
    let scene = Scene::new().await;
    scene.place().await;
    scene.restore(&[], &[]).await;
    let figures = system_figures::read(&scene.db).await.unwrap();
    assert_eq!(
        (figures.held.to_bits(), figures.outboxes[0].rows.to_bits()),
        (1.0_f64.to_bits(), 0.0_f64.to_bits())
    );
    let server = restoring::inspect(&scene.db).await.unwrap();
    assert!(
        server.has_tables && server.has_orders && !server.is_fenced && !server.is_recovering,
        "{server:?}"
    );
    assert_eq!(server.restored_from, None);
}
