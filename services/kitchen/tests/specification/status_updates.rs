//! "Publish Status Update".

use testkit::{Stage, eventually, http, orders};

use crate::observe::{Tap, until};

/// The moment of a status, in the format of messages.
async fn moment(stage: &Stage, status: &str, later: &str) -> String {
    let sql = format!(
        "select to_char((changed_at + interval '{later}') at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')
         from order_status_log where status = '{status}'"
    );
    stage.database().await.value(&sql).await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_messages_are_those_of_the_specification_byte_for_byte() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let updates = Tap::on_updates(&stage).await;
    let _service = stage.kitchen_worker("chef_mario").cooking_seconds(0.25).start().await;
    let headers = [("Content-Type", "application/json"), ("X-Request-ID", "evening-7")];
    let body = orders::takeout().to_string();
    let answer = http::send(orders.port(), "POST", "/orders", &headers, body.as_bytes()).await;
    let number = answer.json()["order_number"].as_str().unwrap().to_owned();

    let (cooking, ready) = (updates.next().await, updates.next().await);
    let (began, estimate) = (moment(&stage, "cooking", "0").await, moment(&stage, "cooking", "250 ms").await);
    assert_eq!(
        cooking.body,
        format!(
            r#"{{"order_number":"{number}","old_status":"received","new_status":"cooking","changed_by":"chef_mario","timestamp":"{began}","estimated_completion":"{estimate}"}}"#
        )
    );
    let ended = moment(&stage, "ready", "0").await;
    assert_eq!(
        ready.body,
        format!(
            r#"{{"order_number":"{number}","old_status":"cooking","new_status":"ready","changed_by":"chef_mario","timestamp":"{ended}","estimated_completion":null}}"#
        )
    );

    for (message, status) in [(&cooking, "cooking"), (&ready, "ready")] {
        assert_eq!((message.exchange.as_str(), message.routing_key.as_str()), ("notifications_fanout", ""));
        let properties = &message.properties;
        assert_eq!(properties.delivery_mode(), Some(2));
        assert_eq!(properties.content_type().unwrap(), "application/json");
        assert_eq!(properties.correlation_id().unwrap(), "evening-7");
        assert_eq!(properties.app_id().unwrap(), "kitchen-worker");
        assert!(properties.message_id().unwrap().starts_with(&format!("{number}.{status}.")), "{message:?}");
        let seconds = format!(
            "select floor(extract(epoch from changed_at))::bigint from order_status_log where status = '{status}'"
        );
        assert_eq!(stage.database().await.value(&seconds).await, properties.timestamp().unwrap());
    }
}

#[tokio::test]
async fn each_change_is_published_once_and_in_sequence() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let updates = Tap::on_updates(&stage).await;
    let mut numbers = Vec::new();
    for order in [orders::takeout(), orders::dine_in()].iter().cycle().take(20) {
        numbers.push(orders.place(order).await);
    }
    let many = stage.kitchen_worker("chef_anna").arg("--prefetch=8").arg("--concurrency=4");
    let _service = many.start().await;
    let database = stage.database().await;
    let mut told = Vec::new();
    for _ in 0..2 * numbers.len() {
        let update = updates.next().await.json();
        told.push((update["order_number"].clone(), update["new_status"].clone()));
    }
    for number in &numbers {
        until(&database, number, "ready").await;
        let changes: Vec<_> =
            told.iter().filter(|(told, _)| told == number.as_str()).map(|(_, status)| status).collect();
        assert_eq!(changes, ["cooking", "ready"], "{number}");
    }
    assert!(updates.rest().await.is_empty());
    let outbox = "select count(*) from status_outbox";
    eventually("an empty outbox", async || (database.value(outbox).await == 0).then_some(())).await;
}

/// The statement's plan may be made while the table's statistics are empty, and every index looks
/// alike.
#[tokio::test]
async fn published_changes_are_removed_by_their_ids() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let _service = stage.kitchen_worker("chef_anna").start().await;
    for _ in 0..5 {
        let number = orders.place(&orders::takeout()).await;
        until(&database, &number, "ready").await;
        database.execute("analyze status_outbox").await;
    }
    let removed = "select n_tup_del from pg_stat_user_tables where relname = 'status_outbox'";
    eventually("the removals to be counted", async || {
        (database.value(removed).await.as_u64() >= Some(10)).then_some(())
    })
    .await;
    let scans = "select idx_scan from pg_stat_user_indexes where indexrelname = 'status_outbox_by_order'";
    assert_eq!(database.value(scans).await, 0);
}
