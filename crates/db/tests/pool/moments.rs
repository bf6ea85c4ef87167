//! Times in the database are those of the statement, however long its transaction waited before.

use db::outbox::{Published, relay_orders};
use db::transitions::{self, ChangeOutcome};
use domain::{OrderStatus, OrderType};
use testkit::{Stage, eventually};

use crate::scene::{LOOK, migrated, place, request_id};

/// Records the time at which a wait ended.
const MOMENT: &str = "create table moment as select clock_timestamp() as ended";

#[tokio::test]
async fn a_pause_of_a_message_counts_from_its_refusal() {
    let stage = Stage::new().await;
    let db = migrated(&stage).await;
    let database = stage.database().await;
    place(&db).await.unwrap();
    database.execute("update order_outbox set due_at = now()").await;
    let relayed = relay_orders(&db, OrderType::Takeout, LOOK, async |rows| {
        database.execute(MOMENT).await;
        Published { refused: rows.iter().map(|row| row.order_id).collect(), ..Published::default() }
    });
    assert_eq!(relayed.await.unwrap().backed_off, 1);
    let pause = "select extract(epoch from due_at - ended)::float8 from order_outbox, moment";
    let pause = database.value(pause).await.as_f64().unwrap();
    assert!((1.0..30.0).contains(&pause), "{pause} s");
}

#[tokio::test]
async fn a_change_that_waited_for_another_happened_after_it() {
    let stage = Stage::new().await;
    let db = migrated(&stage).await;
    let (holder, observer) = (stage.database().await, stage.database().await);
    let number = place(&db).await.unwrap();
    holder.execute("begin; select from orders for update").await;
    let (from, next, id) = (&[OrderStatus::Received], OrderStatus::Cancelled, request_id());
    let change = transitions::change(&db, &number, None, from, next, "guest", &id);
    let waiting = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    let holding = async {
        eventually("the change to wait", async || (observer.value(waiting).await == 1).then_some(())).await;
        observer.execute(MOMENT).await;
        holder.execute("commit").await;
    };
    let (changed, ()) = tokio::join!(change, holding);
    assert_eq!(changed.unwrap(), ChangeOutcome::Changed);
    let later = "select updated_at >= ended and changed_at >= ended
        from moment, orders join order_status_log as log on order_id = orders.id where log.status = 'cancelled'";
    assert_eq!(observer.value(later).await, true);
}
