//! "Transactional integrity".

use serde_json::json;
use testkit::{Stage, orders};

use crate::observe::{Tap, cooked_by, history, order, until, worker};

/// Makes every attempt to log this status fail.
fn refuse(status: &str) -> String {
    format!(
        "create function refuse() returns trigger language plpgsql as
             $$ begin raise exception 'the log is full'; end $$;
         create trigger refuse before insert on order_status_log for each row
             when (new.status = '{status}') execute function refuse()"
    )
}

const ACCEPT: &str = "drop trigger refuse on order_status_log";

#[tokio::test]
async fn an_order_whose_cooking_cannot_be_logged_stays_received_and_is_cooked_later() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let updates = Tap::on_updates(&stage).await;
    database.execute(&refuse("cooking")).await;
    let service = stage.kitchen_worker("chef_anna").start().await;
    let number = orders.place(&orders::takeout()).await;
    let line = service.logs("db_query_failed", 2).await.remove(1);
    assert_eq!(line["level"], "ERROR");
    assert!(line["error"]["stack"].as_str().unwrap().contains("the log is full"), "{line}");
    let row = order(&database, &number).await;
    assert_eq!((&row["status"], &row["processed_by"]), (&json!("received"), &json!(null)));
    assert_eq!(database.value("select count(*) from order_claims").await, 0);
    assert_eq!(database.value("select count(*) from status_outbox").await, 0);

    database.execute(ACCEPT).await;
    until(&database, &number, "ready").await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
    assert_eq!(updates.changes_until_ready(&[&number]).await.len(), 2);
}

#[tokio::test]
async fn an_order_whose_end_cannot_be_logged_stays_cooking_and_is_ready_later() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    database.execute(&refuse("ready")).await;
    let service = stage.kitchen_worker("chef_anna").start().await;
    let number = orders.place(&orders::takeout()).await;
    service.logs("db_query_failed", 2).await;
    let row = order(&database, &number).await;
    assert_eq!((&row["status"], &row["completed_at"]), (&json!("cooking"), &json!(null)));
    assert_eq!(worker(&database, "chef_anna").await["orders_processed"], 0);

    database.execute(ACCEPT).await;
    until(&database, &number, "ready").await;
    assert_eq!(history(&database, &number).await, cooked_by("chef_anna", "chef_anna"));
    assert_eq!(worker(&database, "chef_anna").await["orders_processed"], 1);
}
