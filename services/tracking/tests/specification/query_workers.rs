//! "Query Database": a worker is offline if `now() - last_seen` exceeds twice
//! its heartbeat interval.

use serde_json::{Value, json};
use testkit::{Service, eventually};

use crate::records::open;

async fn statuses(service: &Service) -> Vec<(String, String)> {
    let answer = service.get("/workers/status").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let workers = answer.json();
    workers.as_array().unwrap().iter().map(|one| (text(&one["worker_name"]), text(&one["status"]))).collect()
}

#[tokio::test]
async fn a_worker_is_offline_after_deregistering_or_two_missed_intervals() {
    let (_stage, database, service) = open().await;
    // Without an own interval (a row of another program) the default of 30 s applies.
    let cases = [
        ("a", "online", "now() - interval '5 s'", Some(10), "online"),
        ("b", "online", "now() - interval '21 s'", Some(10), "offline"),
        ("c", "online", "now() - interval '50 s'", None, "online"),
        ("d", "online", "now() - interval '61 s'", None, "offline"),
        ("e", "online", "now() - interval '100 s'", Some(60), "online"),
        ("f", "offline", "now()", Some(10), "offline"),
        ("g", "online", "null", Some(10), "offline"),
        ("h", "online", "now() + interval '5 s'", Some(10), "online"),
        // The clock was set back: the age is unknown.
        ("i", "online", "now() + interval '1 hour'", Some(10), "offline"),
    ];
    for (name, status, last_seen, interval, _) in cases {
        database
            .execute(&format!(
                "insert into workers (name, type, status, last_seen) values ('{name}', 'general', '{status}', {last_seen})"
            ))
            .await;
        if let Some(interval) = interval {
            database
                .execute(&format!(
                    "insert into worker_sessions (worker_id, token, heartbeat_seconds)
                     select id, 1, {interval} from workers where name = '{name}'"
                ))
                .await;
        }
    }
    let expected = cases.map(|(name, .., status)| (name.to_owned(), status.to_owned()));
    assert_eq!(statuses(&service).await, expected);
}

#[tokio::test]
async fn workers_are_sorted_by_name_and_missing_values_are_null() {
    let (_stage, database, service) = open().await;
    database
        .execute(
            "insert into workers (name, type, status, last_seen, orders_processed) values
             ('chef_wario', 'general', null, null, null), ('chef_anna', 'general', null, null, 7)",
        )
        .await;
    assert_eq!(
        service.get("/workers/status").await.json(),
        json!([
            {"worker_name": "chef_anna", "status": "offline", "orders_processed": 7, "last_seen": null},
            {"worker_name": "chef_wario", "status": "offline", "orders_processed": 0, "last_seen": null},
        ])
    );
}

#[tokio::test]
async fn a_worker_that_was_killed_is_seen_online_and_then_offline() {
    let (stage, _database, service) = open().await;
    let mut worker = stage.kitchen_worker("chef_mario").start().await;
    let is = |status: &str| [("chef_mario".to_owned(), status.to_owned())];
    let until = async |status: &str| {
        let what = format!("the worker to be {status}");
        eventually(&what, async || (statuses(&service).await == is(status)).then_some(())).await;
    };
    until("online").await;
    worker.kill().await;
    until("offline").await;
}
