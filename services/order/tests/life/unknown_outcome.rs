//! The connection breaks during the commit: what became of the order is found out before
//! anybody is answered.

use testkit::database::Database;
use testkit::orders::takeout;
use testkit::{Stage, eventually};

use crate::{life, placing};

const WAITING_COMMITS: &str =
    "select count(*) from pg_stat_activity where wait_event = 'advisory' and datname = current_database()";

/// Transactions that do this to an order wait with their commit until the advisory
/// lock 42 is released.
async fn commits_wait(stage: &Stage, what: &str) -> Database {
    let holder = stage.database().await;
    holder
        .execute(&format!(
            "create function slow() returns trigger language plpgsql as
                 $$ begin perform pg_advisory_xact_lock(42); return null; end $$;
             create constraint trigger slow after {what} on orders deferrable initially deferred
                 for each row execute function slow();
             select pg_advisory_lock(42)"
        ))
        .await;
    holder
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_and_the_order_goes_its_way() {
    let stage = Stage::new().await;
    let proxy = stage.postgres_proxy().await;
    let service = stage.order_service().env("DB_PORT", proxy.port().to_string()).start().await;
    service.place(&takeout()).await;
    let (broker, database) = (stage.broker().await, stage.database().await);
    broker.take("kitchen_takeout_queue").await;

    // The statement reaches the server; its answer does not come back.
    let holder = commits_wait(&stage, "insert").await;
    let client = placing(&service, &[]);
    eventually("a commit that waits", async || (database.value(WAITING_COMMITS).await == 1).then_some(()))
        .await;
    proxy.silence();
    holder.execute("select pg_advisory_unlock(42)").await;
    eventually("a stored order", async || {
        (database.value("select count(*) from orders").await == 2).then_some(())
    })
    .await;
    proxy.cut();
    service.log_where("the doubt", |line| line["message"].as_str().unwrap().contains("not known")).await;
    proxy.mend();
    let answer = client.await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let number = answer.json()["order_number"].as_str().unwrap().to_owned();
    assert_eq!(broker.take("kitchen_takeout_queue").await.json()["order_number"], number.as_str());
    service.log("order_outcome_found").await;
    assert_eq!(life(&database, &number).await, ["received"]);
    eventually("an empty outbox", async || {
        (database.value("select count(*) from order_outbox").await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_comes_late_is_barred_once_its_client_heard_500() {
    let stage = Stage::new().await.at_noon().await;
    let proxy = stage.postgres_proxy().await;
    let service = stage.order_service().env("DB_PORT", proxy.port().to_string()).start().await;
    let database = stage.database().await;
    service.place(&takeout()).await;
    // Everybody who wants a number waits: the transaction has begun, and stored nothing yet.
    let holder = stage.database().await;
    holder.execute("begin; select 1 from order_counters for update").await;
    let client = placing(&service, &[]);
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    eventually("a transaction that waits", async || (database.value(waiting).await == 1).then_some(())).await;
    proxy.cut();
    service.log_where("the doubt", |line| line["message"].as_str().unwrap().contains("not known")).await;
    proxy.mend();
    let answer = client.await.unwrap();
    assert_eq!(answer.status, 500, "{answer:?}");
    // Only now the server goes on with the transaction, which nobody waits for any more.
    assert_eq!(database.value(waiting).await, 1, "it must still be there for this test to mean anything");
    holder.execute("commit").await;
    eventually("its end", async || (database.value(waiting).await == 0).then_some(())).await;

    assert!(service.place(&takeout()).await.ends_with("_002"), "no number was lost");
    assert_eq!(database.value("select count(*) from orders").await, 2);
}

#[tokio::test]
async fn nobody_is_told_of_anothers_order_whatever_became_of_the_row_ids() {
    let stage = Stage::new().await.at_noon().await;
    let database = stage.database().await;
    let others = stage.order_service().start().await;
    for _ in 0..3 {
        others.place(&takeout()).await;
    }
    // A failover that loses sequence values does the same: the next rows get the ids of
    // rows that are there.
    database.execute("select setval('orders_id_seq', 1, false)").await;
    let proxy = stage.postgres_proxy().await;
    let service = stage.order_service().env("DB_PORT", proxy.port().to_string()).start().await;
    let holder = stage.database().await;
    holder.execute("begin; select 1 from order_counters for update").await;
    let client = placing(&service, &[]);
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    eventually("a transaction that waits", async || (database.value(waiting).await == 1).then_some(())).await;
    proxy.cut();
    service.log_where("the doubt", |line| line["message"].as_str().unwrap().contains("not known")).await;
    proxy.mend();
    let answer = client.await.unwrap();
    assert_eq!(answer.status, 500, "{answer:?}");
    holder.execute("commit").await;
    eventually("its end", async || (database.value(waiting).await == 0).then_some(())).await;
    assert_eq!(database.value("select count(*) from orders").await, 3);
    assert_eq!(database.value("select count(*) from orders where status = 'received'").await, 3);
}

#[tokio::test]
async fn a_transaction_that_still_runs_is_awaited() {
    let stage = Stage::new().await;
    let proxy = stage.postgres_proxy().await;
    let service = stage.order_service().env("DB_PORT", proxy.port().to_string()).start().await;
    let database = stage.database().await;
    let holder = commits_wait(&stage, "insert").await;
    let client = placing(&service, &[]);
    eventually("a commit that waits", async || (database.value(WAITING_COMMITS).await == 1).then_some(()))
        .await;
    proxy.cut();
    service.log_where("the doubt", |line| line["message"].as_str().unwrap().contains("not known")).await;
    proxy.mend();
    let asking = "select count(*) from pg_stat_activity where wait_event = 'transactionid' and datname = current_database()";
    eventually("the service to wait for it", async || (database.value(asking).await == 1).then_some(()))
        .await;
    assert!(!client.is_finished(), "nobody is answered before it is known");
    holder.execute("select pg_advisory_unlock(42)").await;
    let answer = client.await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(database.value("select count(*) from orders where status = 'received'").await, 1);
}

#[tokio::test]
async fn a_cancellation_whose_answer_was_lost_is_still_a_500() {
    let stage = Stage::new().await;
    let (postgres, rabbitmq) = (stage.postgres_proxy().await, stage.rabbitmq_proxy().await);
    let launch = stage.order_service().env("DB_PORT", postgres.port().to_string());
    let service = launch.env("RABBITMQ_PORT", rabbitmq.port().to_string()).start().await;
    let database = stage.database().await;
    let holder = commits_wait(&stage, "update").await;
    rabbitmq.silence();
    let client = placing(&service, &[]);
    eventually("a cancellation", async || (database.value(WAITING_COMMITS).await == 1).then_some(())).await;
    postgres.cut();
    service
        .log_where("the doubt", |line| {
            line["message"].as_str().unwrap().contains("could not be cancelled yet")
        })
        .await;
    holder.execute("select pg_advisory_unlock(42)").await;
    let cancelled = "select count(*) from orders where status = 'cancelled'";
    eventually("the order to be taken back", async || (database.value(cancelled).await == 1).then_some(()))
        .await;
    postgres.mend();
    let answer = client.await.unwrap();
    assert_eq!(answer.status, 500, "{answer:?}");
    assert_eq!(database.value("select count(*) from order_status_log where status = 'cancelled'").await, 1);
}

#[tokio::test]
async fn an_order_of_unknown_outcome_does_not_keep_the_service_beyond_its_grace() {
    let stage = Stage::new().await;
    let proxy = stage.postgres_proxy().await;
    let launch = stage.order_service().env("DB_PORT", proxy.port().to_string());
    let mut service = launch.env("SHUTDOWN_GRACE_SECONDS", "10").start().await;
    let database = stage.database().await;
    let holder = commits_wait(&stage, "insert").await;
    let client = placing(&service, &[]);
    eventually("a commit that waits", async || (database.value(WAITING_COMMITS).await == 1).then_some(()))
        .await;
    proxy.silence();
    holder.execute("select pg_advisory_unlock(42)").await;
    // The code is 1 if the grace was not enough.
    assert_eq!(service.stop().await, Some(0), "{}", service.everything());
    service.log("shutdown_incomplete").await;
    client.abort();
    // The relay of another service sends it.
    let other = stage.order_service().start().await;
    eventually("an empty outbox", async || {
        (database.value("select count(*) from order_outbox").await == 0).then_some(())
    })
    .await;
    drop(other);
    assert_eq!(database.value("select count(*) from orders").await, 1);
}
