//! A table is altered while its statements are prepared on the connections.

use std::collections::HashSet;

use db::claims::{ClaimOutcome, LockMode};
use db::history::{current_statuses, history};
use db::outbox::{Published, relay_orders};
use db::transitions::{self, ChangeOutcome};
use domain::{OrderStatus, OrderType};
use testkit::Stage;

use crate::scene::{LOOK, claim, migrated, place, register, request_id};

#[tokio::test]
async fn look_ups_are_prepared_again() {
    let stage = Stage::new().await;
    let db = migrated(&stage).await;
    let number = place(&db).await.unwrap();
    let before = current_statuses(&db, &[number]).await.unwrap();
    history(&db, &number).await.unwrap();
    let alter = "alter table orders alter column processed_by type varchar(100);
                 alter table order_status_log alter column changed_by type varchar(100)";
    stage.database().await.execute(alter).await;
    assert_eq!(current_statuses(&db, &[number]).await.unwrap(), before);
    history(&db, &number).await.unwrap();
}

#[tokio::test]
async fn transactions_begin_again_and_send_nothing_twice() {
    let stage = Stage::new().await;
    let db = migrated(&stage).await;
    let database = stage.database().await;
    let (first, second) = (place(&db).await.unwrap(), place(&db).await.unwrap());
    let cancel = async |number| {
        let from = &[OrderStatus::Received];
        transitions::change(&db, number, None, from, OrderStatus::Cancelled, "guest", &request_id()).await
    };
    let due = "update order_outbox set due_at = now()";
    let relay = async || {
        let mut sent = Vec::new();
        let relayed = relay_orders(&db, OrderType::Takeout, LOOK, async |rows| {
            sent.extend(rows.iter().map(|row| row.message.order_number));
            Published::default()
        });
        relayed.await.unwrap();
        sent
    };
    database.execute(due).await;
    assert_eq!(cancel(&first).await.unwrap(), ChangeOutcome::Changed);
    let sent_before = relay().await;
    let alter = "alter table orders alter column status type varchar(40);
                 alter table order_outbox alter column request_id type varchar(100)";
    database.execute(alter).await;
    assert_eq!(cancel(&second).await.unwrap(), ChangeOutcome::Changed);
    assert_eq!(cancel(&second).await.unwrap(), ChangeOutcome::Changed);
    let sent = relay().await;
    assert_eq!(sent, sent_before);
    assert_eq!(sent.iter().collect::<HashSet<_>>().len(), 2);
}

#[tokio::test]
async fn placing_and_claiming_go_on() {
    let stage = Stage::new().await;
    let db = migrated(&stage).await;
    register(&db).await;
    let number = place(&db).await.unwrap();
    let granted = |outcome| matches!(outcome, ClaimOutcome::Granted(_));
    assert!(granted(claim(&db, number, LockMode::SkipLocked).await.unwrap()));
    let alter =
        "alter table orders alter column number type varchar(40), alter column status type varchar(40);
                 alter table order_claims alter column worker type varchar(100)";
    stage.database().await.execute(alter).await;
    let number = place(&db).await.unwrap();
    assert!(granted(claim(&db, number, LockMode::SkipLocked).await.unwrap()));
}
