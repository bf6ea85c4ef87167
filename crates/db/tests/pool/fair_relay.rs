//! Rows that are refused again and again do not block others, and are not blocked by them.

use db::Database;
use db::outbox::{Look, Published, relay_orders};
use domain::OrderType;
use testkit::Stage;

use crate::scene::{LOOK, migrated, place};

/// The row ids of the orders that a run with this limit finds.
async fn found(db: &Database, limit: u16) -> Vec<i32> {
    let mut found = Vec::new();
    let look = Look { limit, ..LOOK };
    let relayed = relay_orders(db, OrderType::Takeout, look, async |rows| {
        found = rows.iter().map(|row| row.order_id).collect();
        Published::default()
    });
    relayed.await.unwrap();
    found
}

#[tokio::test]
async fn messages_that_were_refused_before_have_a_quarter_of_the_places() {
    let stage = Stage::new().await;
    let db = migrated(&stage).await;
    let database = stage.database().await;
    for _ in 0..20 {
        place(&db).await.unwrap();
    }
    database.execute("update order_outbox set due_at = now()").await;
    let first = found(&db, 100).await[0];
    let old = format!("update order_outbox set attempts = 9 where order_id < {first} + 10");
    database.execute(&old).await;
    let places = |places: &[i32]| places.iter().map(|place| first + place).collect::<Vec<_>>();
    assert_eq!(found(&db, 1).await, places(&[10]), "a single place is a new one's");
    assert_eq!(found(&db, 8).await, places(&[10, 11, 12, 13, 14, 15, 0, 1]));
    assert_eq!(found(&db, 16).await.len(), 16, "no place stays empty");
    database.execute("update order_outbox set attempts = 0").await;
    assert_eq!(found(&db, 20).await.len(), 20, "where all are new, all places are theirs");
    database.execute("update order_outbox set attempts = 9").await;
    assert_eq!(found(&db, 3).await, places(&[0, 1, 2]), "where nobody is new, all places are theirs");
}
