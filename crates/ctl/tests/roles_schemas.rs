//! `migrate --roles` and the doctor with tables in a PostgreSQL schema of their owner, and what is
//! sent to the server.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::sync::{Arc, Mutex};

use serde_json::Value;
use testkit::orders::takeout;
use testkit::service::Ended;
use testkit::{Launch, Stage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PASSWORD: &str = "a-password-that-nobody-else-has";
const ROLES: [&str; 5] = ["order", "kitchen", "tracking", "tracking_staff", "exporter"];

fn ctl(stage: &Stage, words: &[&str]) -> Launch {
    let launch = Launch::new("restaurant-ctl", stage.environment());
    words.iter().fold(launch, |launch, word| launch.arg(*word))
}

fn with_passwords(launch: Launch) -> Launch {
    let variables = [
        "ORDER_DB_PASSWORD",
        "KITCHEN_DB_PASSWORD",
        "TRACKING_DB_PASSWORD",
        "TRACKING_STAFF_DB_PASSWORD",
        "EXPORTER_DB_PASSWORD",
    ];
    variables.iter().fold(launch, |launch, variable| launch.env(variable, PASSWORD))
}

fn as_user(launch: Launch, user: &str) -> Launch {
    launch.env("DB_USER", user).env("DB_PASSWORD", PASSWORD)
}

async fn drop_roles(stage: &Stage, others: &[&str]) {
    let database = stage.database().await;
    for role in ROLES.iter().chain(others) {
        let name = format!("{}_{role}", stage.name);
        database.execute(&format!("drop owned by {name} cascade; drop role {name}")).await;
    }
}

fn check(doctor: &Ended, name: &str) -> Value {
    let document: Value = serde_json::from_str(&doctor.stdout).unwrap();
    let checks = document["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == name).cloned().unwrap_or_default()
}

#[tokio::test]
async fn services_find_the_tables_in_their_owners_schema_and_create_no_second_set() {
    let stage = Stage::new().await;
    let (database, name) = (stage.database().await, &stage.name);
    let (owner, stranger) = (format!("{name}_owner"), format!("{name}_stranger"));
    database
        .execute(&format!(
            "create role {owner} login createrole password '{PASSWORD}'; alter database {name} owner to {owner};
             create schema authorization {owner};
             create role {stranger} login password '{PASSWORD}'; grant create on schema public to {stranger}"
        ))
        .await;
    let made = as_user(with_passwords(ctl(&stage, &["migrate", "--roles"])), &owner).run_to_end().await;
    assert_eq!(made.code, Some(0), "{made:?}");

    // The services' roles find the tables.
    let order_role = format!("{name}_order");
    let orders = as_user(stage.order_service(), &order_role).start().await;
    let number = orders.place(&takeout()).await;
    let tracking = as_user(stage.tracking_service(), &format!("{name}_tracking")).start().await;
    tracking.until_status("/readyz", 200).await;
    assert_eq!(tracking.get(&format!("/orders/{number}/status")).await.status, 200);

    // A user with another search path gets an error and creates no tables.
    let doctor = as_user(ctl(&stage, &["doctor", "--json", "--service=kitchen"]), &stranger);
    let found = check(&doctor.run_to_end().await, "schema");
    let words = format!("the tables are in the schema {owner}, where '{stranger}' does not look");
    assert!(found["outcome"] == "fail" && found["found"] == words.as_str(), "{found}");
    let refused = as_user(ctl(&stage, &["migrate"]), &stranger).run_to_end().await;
    assert!(
        refused.code == Some(1) && refused.stderr.contains("where this user does not look"),
        "{refused:?}"
    );
    let waiting = as_user(stage.kitchen_worker("chef_anna"), &stranger).ready_at_once().start().await;
    let line = waiting.log("db_connection_failed").await;
    assert!(line["error"]["msg"].as_str().unwrap().contains("where this user does not look"), "{line}");
    drop(waiting);
    assert_eq!(database.value("select count(*) from pg_class where relname = 'orders'").await, 1);

    // A second set of tables is found.
    database
        .execute("create table orders (); create table order_status_log (); create table refinery_schema_history ()")
        .await;
    let doctor = as_user(ctl(&stage, &["doctor", "--json", "--service=order"]), &order_role);
    let found = check(&doctor.run_to_end().await, "schemas");
    assert!(
        found["outcome"] == "fail" && found["examples"] == serde_json::json!(["public", owner]),
        "{found}"
    );

    drop((orders, tracking));
    let superuser = stage.servers.postgres.user.clone();
    database.execute(&format!("alter database {name} owner to {superuser}")).await;
    drop_roles(&stage, &["owner", "stranger"]).await;
}

/// A proxy in front of PostgreSQL, and the bytes that clients have sent through it.
async fn overheard(server: u16) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, heard) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<u8>>>::default());
    let memory = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let memory = Arc::clone(&memory);
            let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            tokio::spawn(async move {
                let mut piece = [0; 4096];
                while let Ok(length @ 1..) = from_client.read(&mut piece).await {
                    memory.lock().unwrap().extend_from_slice(&piece[..length]);
                    if to_server.write_all(&piece[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (port, heard)
}

fn says(heard: &Mutex<Vec<u8>>, text: &str) -> bool {
    heard.lock().unwrap().windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn passwords_reach_the_server_as_verifiers_only() {
    let stage = Stage::new().await;
    let (port, heard) = overheard(stage.servers.postgres.port).await;
    let migrate = with_passwords(ctl(&stage, &["migrate", "--roles"])).env("DB_PORT", port.to_string());
    let ended = migrate.run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(says(&heard, "create role") && says(&heard, "SCRAM-SHA-256$4096:") && !says(&heard, PASSWORD));
    // The passwords work.
    let orders = as_user(stage.order_service(), &format!("{}_order", stage.name)).start().await;
    orders.place(&takeout()).await;
    drop(orders);

    // For a user who may not create roles, no statement with a password is sent.
    let database = stage.database().await;
    let plain = format!("{}_plain", stage.name);
    database
        .execute(&format!(
            "create role {plain} login password '{PASSWORD}'; grant {0}_tracking to {plain}",
            stage.name
        ))
        .await;
    heard.lock().unwrap().clear();
    let refused = as_user(migrate, &plain).run_to_end().await;
    assert!(refused.code == Some(1) && refused.stderr.contains("it lacks CREATEROLE"), "{refused:?}");
    assert!(!says(&heard, "SCRAM-SHA-256$4096:") && !says(&heard, "create role"));
    drop_roles(&stage, &["plain"]).await;
}
