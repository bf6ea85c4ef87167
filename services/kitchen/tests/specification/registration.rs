//! "Startup and Registration".

use serde_json::json;
use testkit::{Launch, Stage, orders};

use crate::observe::worker;

/// Whether the worker gets its name. If so, its log says so and it keeps running; else it ends.
async fn try_to_start(launch: &Launch) -> bool {
    let service = launch.clone().ready_at_once().start().await;
    let outcome = service
        .log_where("its registration", |line| {
            line["action"] == "worker_registered" || line["action"] == "worker_registration_failed"
        })
        .await;
    outcome["action"] == "worker_registered"
}

#[tokio::test]
async fn a_worker_registers_itself_and_is_online() {
    let stage = Stage::new().await;
    let service = stage.kitchen_worker("chef_anna").start().await;
    let line = service.log("worker_registered").await;
    assert_eq!(
        (&line["level"], &line["details"]),
        (&json!("INFO"), &json!({"worker_name": "chef_anna", "type": "general"}))
    );
    let database = stage.database().await;
    let row = worker(&database, "chef_anna").await;
    assert_eq!(
        (&row["type"], &row["status"], &row["orders_processed"]),
        (&json!("general"), &json!("online"), &json!(0))
    );
    let age = "select now() - last_seen between interval '0' and interval '10 s' from workers";
    assert_eq!(database.value(age).await, true);
}

#[tokio::test]
async fn a_worker_name_may_have_the_letters_of_any_script() {
    let stage = Stage::new().await;
    let subscriber = stage.subscriber().start().await;
    let order_service = stage.order_service().start().await;
    let database = stage.database().await;
    for name in ["प्रिया", "Анна-Мария О’Нил", "علی\u{200c}رضا"] {
        let launch = stage.kitchen_worker(name);
        let mut service = launch.start().await;
        assert_eq!(service.log("worker_registered").await["details"]["worker_name"], name);
        assert_eq!(worker(&database, name).await["status"], "online");
        let health = launch.arg("--healthcheck").run_to_end().await;
        assert_eq!(health.code, Some(0), "{name}: {health:?}");
        let placed = order_service.place(&orders::takeout()).await;
        let ready = format!("order {placed}: Status changed from 'cooking' to 'ready' by {name}.");
        subscriber.notification(&ready).await;
        assert_eq!(service.stop().await, Some(0));
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_used_yet_is_awaited() {
    let stage = Stage::new().await;
    let database = stage.database().await;
    let (user, name) = (format!("{}_guest", stage.name), &stage.name);
    database
        .execute(&format!(
            "create role {user} login password 'guest'; revoke create on schema public from public;
             alter database {name} set default_transaction_read_only = on"
        ))
        .await;
    let launch = stage.kitchen_worker("chef_anna").env("DB_USER", &user).env("DB_PASSWORD", "guest");
    let service = launch.ready_when_logged("db_connection_failed").start().await;
    let line = service.log("db_connection_failed").await;
    assert!(line["error"]["msg"].as_str().unwrap().contains("takes no writes"), "{line}");

    database.execute(&format!("alter database {name} set default_transaction_read_only = off")).await;
    let line = service.log("schema_awaited").await;
    assert!(line["error"]["stack"].as_str().unwrap().contains("permission denied"), "{line}");

    stage.migrate().await;
    database.execute(&format!("grant all on all tables in schema public to {user}")).await;
    database.execute(&format!("grant all on all sequences in schema public to {user}")).await;
    service.log("worker_registered").await;
    drop(service);
    database.execute(&format!("drop owned by {user}; drop role {user}")).await;
}

#[tokio::test]
async fn the_type_of_a_specialised_worker_names_its_order_types() {
    let stage = Stage::new().await;
    let _service = stage.kitchen_worker("chef_mario").arg("--order-types= dine_in , takeout").start().await;
    assert_eq!(worker(&stage.database().await, "chef_mario").await["type"], "dine_in,takeout");
}

#[tokio::test]
async fn a_name_that_is_online_is_refused_with_exit_code_1() {
    let stage = Stage::new().await;
    let _first = stage.kitchen_worker("chef_mario").arg("--heartbeat-interval=30").start().await;
    let database = stage.database().await;
    let before = worker(&database, "chef_mario").await;
    let second = stage.kitchen_worker("chef_mario").run_to_end().await;
    assert_eq!(second.code, Some(1), "{second:?}");
    let last = second.stdout.lines().last().unwrap();
    let line: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(
        (&line["level"], &line["action"]),
        (&json!("ERROR"), &json!("worker_registration_failed")),
        "{second:?}"
    );
    assert!(line["error"]["msg"].as_str().unwrap().contains("'chef_mario' is online already"), "{line}");
    assert!(line["error"]["stack"].is_string(), "{line}");
    // The first worker is not disturbed.
    assert_eq!(worker(&database, "chef_mario").await, before);
}

#[tokio::test]
async fn a_name_that_is_offline_is_taken_over_with_its_row() {
    let stage = Stage::new().await;
    let database = stage.database().await;
    let mut first = stage.kitchen_worker("chef_mario").start().await;
    assert_eq!(first.stop().await, Some(0));
    database.execute("update workers set orders_processed = 7").await;
    let before = worker(&database, "chef_mario").await;
    assert_eq!(before["status"], "offline");

    let _second = stage.kitchen_worker("chef_mario").arg("--order-types=delivery").start().await;
    let after = worker(&database, "chef_mario").await;
    assert_eq!(after["id"], before["id"]);
    assert_eq!(
        (&after["status"], &after["type"], &after["orders_processed"]),
        (&json!("online"), &json!("delivery"), &json!(7))
    );
}

#[tokio::test]
async fn the_name_of_a_killed_worker_is_free_after_two_of_its_heartbeat_intervals() {
    let stage = Stage::new().await;
    let database = stage.database().await;
    let interval = "--heartbeat-interval=30";
    stage.kitchen_worker("chef_mario").arg(interval).start().await.kill().await;
    // The worker's own interval counts, not that of its successor.
    for (silent_for, free) in [(0, false), (30, false), (61, true)] {
        database.execute(&format!("update workers set last_seen = now() - interval '{silent_for} s'")).await;
        assert_eq!(try_to_start(&stage.kitchen_worker("chef_mario")).await, free, "after {silent_for} s");
    }
}

#[tokio::test]
async fn of_several_workers_with_one_name_exactly_one_registers() {
    let stage = Stage::new().await;
    let launch = stage.kitchen_worker("chef_mario").arg("--heartbeat-interval=30");
    // At first there are no tables and no row, then there is an offline row.
    for round in ["a new name", "an offline name"] {
        let launch = launch.clone().ready_at_once();
        let mut services = [launch.start().await, launch.start().await, launch.start().await];
        let mut alive = Vec::new();
        for (place, service) in services.iter_mut().enumerate() {
            let ended = "worker_registration_failed";
            let outcome = service
                .log_where("its registration", |line| {
                    line["action"] == "worker_registered" || line["action"] == ended
                })
                .await;
            if outcome["action"] == ended {
                assert_eq!(service.wait().await.code(), Some(1));
            } else {
                alive.push(place);
            }
        }
        let [alive] = alive.as_slice() else { panic!("{round}: {alive:?} live") };
        assert_eq!(services[*alive].stop().await, Some(0));
    }
}
