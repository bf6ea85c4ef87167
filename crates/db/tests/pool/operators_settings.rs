//! Settings that the operator has made for the user do not affect orders.

use db::claims::{ClaimOutcome, LockMode};
use db::history::{current_statuses, history};
use db::outbox::{Published, relay_orders};
use db::transitions::{self, ChangeOutcome};
use db::{Access, Database, schema};
use domain::{OrderStatus, OrderType};
use testkit::{Stage, eventually};
use time::OffsetDateTime;

use crate::scene::{LOOK, claim, open, place, register, request_id};

/// Each would change the meaning of a statement, or end it.
const SETTINGS: [&str; 12] = [
    "DateStyle = 'German'",
    "TimeZone = 'Asia/Kathmandu'",
    "IntervalStyle = 'sql_standard'",
    "standard_conforming_strings = off",
    "bytea_output = 'escape'",
    "extra_float_digits = -15",
    "lock_timeout = 1",
    "statement_timeout = 1",
    "idle_in_transaction_session_timeout = 1",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_deferrable = on",
    "synchronous_commit = off",
];

#[tokio::test]
async fn what_is_set_for_the_user_changes_nothing() {
    let stage = Stage::new().await;
    let administrator = stage.database().await;
    let mut login = stage.database_settings();
    login.user.clone_from(&stage.name);
    login.password = "a password".to_owned().into();
    let make = "create role NAME superuser login password 'a password'";
    administrator.execute(&make.replace("NAME", &stage.name)).await;
    for setting in SETTINGS {
        administrator.execute(&format!("alter role {} set {setting}", stage.name)).await;
    }
    let (db, reader) = (open(&login), Database::new(&login, "reader", Access::ReadOnly).unwrap());
    schema::migrate(&db).await.unwrap();
    orders_fare_well(&stage, &db).await;
    assert_eq!(schema::state(&reader).await.unwrap(), schema::SchemaState::Current);
    drop((db, reader));
    let remove = "reassign owned by NAME to current_user; drop owned by NAME; drop role NAME";
    administrator.execute(&remove.replace("NAME", &stage.name)).await;
}

async fn orders_fare_well(stage: &Stage, db: &Database) {
    let (holder, observer) = (stage.database().await, stage.database().await);
    register(db).await;
    let day = observer
        .value("select 'ORD_' || to_char(now() at time zone 'utc', 'YYYYMMDD') || '_001' as first")
        .await;
    let number = place(db).await.unwrap();
    assert_eq!(number.to_string(), day.as_str().unwrap());

    // A later statement waits for this lock.
    holder.execute("begin; select from order_counters for update").await;
    let waiting = "select count(*) from pg_stat_activity
        where datname = current_database() and application_name = 'test' and wait_event_type = 'Lock'";
    let hold = async {
        eventually("the order to wait", async || (observer.value(waiting).await == 1).then_some(())).await;
        holder.execute("commit").await;
    };
    let (second, ()) = tokio::join!(place(db), hold);
    let second = second.unwrap();

    observer.execute("update order_outbox set due_at = now()").await;
    let mut sent = Vec::new();
    let relayed = relay_orders(db, OrderType::Takeout, LOOK, async |rows| {
        sent.extend(rows.iter().map(|row| (row.message.order_number, row.placed_at)));
        let confirmed = rows.iter().map(|row| row.order_id).collect();
        Published { confirmed, ..Published::default() }
    });
    assert_eq!(relayed.await.unwrap().confirmed, 2);
    assert_eq!(sent.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [number, second]);

    assert!(matches!(claim(db, number, LockMode::Wait).await.unwrap(), ClaimOutcome::Granted(_)));
    let from = &[OrderStatus::Received];
    let cancelled =
        transitions::change(db, &second, None, from, OrderStatus::Cancelled, "guest", &request_id()).await;
    assert_eq!(cancelled.unwrap(), ChangeOutcome::Changed);
    let statuses = current_statuses(db, &[number, second]).await.unwrap();
    let statuses: Vec<_> = statuses.into_iter().map(|status| status.unwrap().status).collect();
    assert_eq!(statuses, ["cooking", "cancelled"]);
    // Times are compared as numbers.
    let now = "select extract(epoch from clock_timestamp())::bigint as now";
    let now = OffsetDateTime::from_unix_timestamp(observer.value(now).await.as_i64().unwrap()).unwrap();
    let logged = history(db, &number).await.unwrap().into_iter().map(|entry| entry.changed_at);
    for moment in sent.iter().map(|(_, placed_at)| *placed_at).chain(logged) {
        assert!((now - moment).whole_seconds().abs() < 600, "{moment} is not about {now}");
    }
}
