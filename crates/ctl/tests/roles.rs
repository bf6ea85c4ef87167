//! `migrate --roles`: every service works under its own role, and no role may do what
//! its service does not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::fs::OpenOptions;
use std::process::Stdio;

use bus::permissions;
use devcluster::Credentials;
use domain::ServerUser;
use testkit::database::Database;
use testkit::orders::{delivery, dine_in, takeout};
use testkit::service::Ended;
use testkit::shared_servers::Address;
use testkit::{Launch, Stage, eventually, http};

const ROLES: [&str; 5] = ["order", "kitchen", "tracking", "tracking_staff", "exporter"];
/// No part of this password may be executed as SQL.
const HOSTILE: &str = r#"pass'"; drop table orders; -- \ %s"#;

fn migrate(stage: &Stage) -> Launch {
    Launch::new("restaurant-ctl", stage.environment()).arg("migrate").arg("--roles")
}

async fn done(launch: &Launch) -> Ended {
    let ended = launch.run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

/// A service under its own user on both servers.
fn as_role(stage: &Stage, launch: Launch, role: &str, password: &str) -> Launch {
    launch
        .env("DB_USER", format!("{}_{role}", stage.name))
        .env("DB_PASSWORD", password)
        .env("RABBITMQ_USER", format!("{}_{role}", stage.name))
        .env("RABBITMQ_PASSWORD", password)
}

async fn make_broker_users(stage: &Stage) {
    for user in ServerUser::ALL {
        let Some(rights) = permissions::of(user) else { continue };
        let user = format!("{}_{}", stage.name, user.short_name());
        let user = Credentials { user, password: HOSTILE.into() };
        let admin = stage.servers.rabbitmq_admin();
        admin
            .ensure_user(&user, &stage.name, [&rights.configure, &rights.write, &rights.read])
            .await
            .unwrap();
    }
}

async fn as_database_user(stage: &Stage, role: &str) -> Database {
    let address = Address {
        user: format!("{}_{role}", stage.name),
        password: HOSTILE.to_owned(),
        ..stage.servers.postgres.clone()
    };
    Database::connect(&address, &stage.name).await
}

async fn drop_roles(stage: &Stage) {
    let database = stage.database().await;
    for role in ROLES {
        let name = format!("{}_{role}", stage.name);
        database.execute(&format!("drop owned by {name}; drop role {name}")).await;
    }
    for role in ["order", "kitchen", "notifier", "exporter"] {
        // Tests without broker users have none to delete.
        let path = format!("/api/users/{}_{role}", stage.name);
        stage.servers.rabbitmq_admin().request("DELETE", &path, None).await.unwrap();
    }
}

fn with_passwords(stage: &Stage) -> Launch {
    let launch = migrate(stage).env("ORDER_DB_PASSWORD", HOSTILE).env("KITCHEN_DB_PASSWORD", HOSTILE);
    let launch = launch.env("TRACKING_DB_PASSWORD", HOSTILE).env("TRACKING_STAFF_DB_PASSWORD", HOSTILE);
    launch.env("EXPORTER_DB_PASSWORD", HOSTILE)
}

#[tokio::test]
async fn generated_passwords_that_cannot_be_printed_are_a_failure() {
    let stage = Stage::new().await;
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (reader, nobody_reads) = std::io::pipe().unwrap();
    drop(reader);
    for stdout in [Stdio::from(full), Stdio::from(nobody_reads)] {
        let ended = migrate(&stage).run_to_end_into(stdout).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let advice =
            "Choose new ones, and run 'migrate --roles' again with ORDER_DB_PASSWORD and the others set";
        assert!(ended.stderr.contains("could not be written") && ended.stderr.contains(advice), "{ended:?}");
        drop_roles(&stage).await;
    }
    // Nothing is lost if all passwords are given.
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = with_passwords(&stage).run_to_end_into(full).await;
    assert!(
        ended.code == Some(1)
            && ended.stderr.starts_with("restaurant-ctl: cannot write to the standard output"),
        "{ended:?}"
    );
    drop_roles(&stage).await;
}

#[tokio::test]
async fn an_orders_whole_life_under_least_rights() {
    let stage = Stage::new().await;
    let said = done(&with_passwords(&stage)).await;
    assert!(!said.stdout.contains("PASSWORD="), "given passwords are not printed: {said:?}");
    make_broker_users(&stage).await;

    let order_service = as_role(&stage, stage.order_service(), "order", HOSTILE)
        .env("ORDER_STAFF_KEY", "staff-key-of-sixteen-or-more")
        .env("ORDER_RESEND_AFTER", "1")
        .env("KITCHEN_MAX_WAIT", "1");
    let mut orders = order_service.start().await;
    let mut tracking = as_role(&stage, stage.tracking_service(), "tracking", HOSTILE)
        .without_env("RABBITMQ_")
        .ready_when_probed()
        .start()
        .await;
    let mut subscriber =
        as_role(&stage, stage.subscriber(), "notifier", HOSTILE).without_env("DB_").start().await;

    // Placed, and cancelled by the customer. The second one is lost by the broker, and redelivered.
    let answer = orders.post("/orders", &takeout().to_string()).await;
    let token = answer.header("x-order-token").to_owned();
    let number = answer.json()["order_number"].as_str().unwrap().to_owned();
    let path = format!("/orders/{number}/cancel");
    let cancelled = http::send(orders.port(), "POST", &path, &[("X-Order-Token", token.as_str())], b"").await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    subscriber.notification(&format!("order {number}: Status changed from 'received' to 'cancelled'")).await;
    let swept = orders.place(&dine_in()).await;
    let broker = stage.broker().await;
    broker.purge("kitchen_dine_in_queue").await;
    eventually("the redelivery", async || (broker.ready("kitchen_dine_in_queue").await > 0).then_some(()))
        .await;

    // Cooked, published, tracked and completed. Then the worker stops.
    let mut worker = as_role(&stage, stage.kitchen_worker("chef_mario"), "kitchen", HOSTILE).start().await;
    let last = orders.place(&delivery()).await;
    for number in [&swept, &last] {
        subscriber.notification(&format!("order {number}: Status changed from 'cooking' to 'ready'")).await;
    }
    let history = tracking.get(&format!("/orders/{last}/history")).await;
    assert_eq!((history.status, history.json().as_array().unwrap().len()), (200, 3), "{history:?}");
    eventually("the worker to be online", async || {
        (tracking.get("/workers/status").await.json()[0]["status"] == "online").then_some(())
    })
    .await;
    let staff = [("Authorization", "Bearer staff-key-of-sixteen-or-more")];
    let completed = http::send(orders.port(), "POST", &format!("/orders/{last}/complete"), &staff, b"").await;
    assert_eq!(completed.status, 200, "{completed:?}");
    let again = tracking.get(&format!("/orders/{last}/status")).await;
    assert_eq!(again.json()["current_status"], "completed");
    assert_eq!(worker.stop().await, Some(0));
    eventually("the worker to be offline", async || {
        (tracking.get("/workers/status").await.json()[0]["status"] == "offline").then_some(())
    })
    .await;

    // An idempotency key is stored and found again.
    let key =
        [("Content-Type", "application/json"), ("Idempotency-Key", "0d9d1c6e-1f5d-4b8e-9a7c-3f0a4b5c6d7e")];
    let first = http::send(orders.port(), "POST", "/orders", &key, takeout().to_string().as_bytes()).await;
    // Until its outbox row is removed, the first request counts as in progress.
    let second = eventually("the answer again", async || {
        let body = takeout().to_string();
        let again = http::send(orders.port(), "POST", "/orders", &key, body.as_bytes()).await;
        (again.status != 409).then_some(again)
    })
    .await;
    assert_eq!((first.status, second.body), (200, first.body));

    for service in [&mut orders, &mut tracking, &mut subscriber] {
        assert_eq!(service.stop().await, Some(0));
    }
    for service in [&orders, &tracking, &subscriber, &worker] {
        let refused: Vec<_> = service
            .raw_lines()
            .into_iter()
            .filter(|line| {
                let line = line.to_lowercase();
                line.contains("denied") || line.contains("access_refused") || line.contains("access refused")
            })
            .collect();
        assert_eq!(refused, Vec::<String>::new());
    }
    drop_roles(&stage).await;
}

/// It counts and audits with nothing but `select`, and asks the broker without a permission.
#[tokio::test]
async fn the_exporter_measures_the_whole_system_under_least_rights() {
    let stage = Stage::new().await;
    done(&with_passwords(&stage)).await;
    make_broker_users(&stage).await;
    let mut orders = stage.order_service().start().await;
    orders.place(&takeout()).await;
    let exporter = Launch::new("restaurant-ctl", stage.environment()).arg("exporter").arg("--port=0");
    let launch = as_role(&stage, exporter, "exporter", HOSTILE).ready_when_logged("admin_started");
    let mut exporter = launch.start().await;
    let started = exporter.log("admin_started").await;
    let port = u16::try_from(started["details"]["port"].as_u64().unwrap()).unwrap();
    let shown = eventually("an audit", async || {
        let answer = http::send(port, "GET", "/metrics", &[], b"").await;
        answer.body.contains("restaurant_audit_findings{").then_some(answer.body)
    })
    .await;
    for series in [
        r#"restaurant_exporter_up{server="postgresql"} 1"#,
        r#"restaurant_exporter_up{server="rabbitmq"} 1"#,
        r#"restaurant_waiting_orders{type="takeout",priority="1"} 1"#,
        r#"restaurant_queue_messages{queue="kitchen_takeout_queue"} 1"#,
        r#"restaurant_audit_findings{invariant="order_numbers"} 0"#,
    ] {
        eventually(series, async || {
            let answer = http::send(port, "GET", "/metrics", &[], b"").await;
            answer.body.contains(series).then_some(())
        })
        .await;
    }
    assert!(!shown.contains("Jane"), "{shown}");
    let ready = http::send(port, "GET", "/readyz", &[], b"").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    for service in [&mut orders, &mut exporter] {
        assert_eq!(service.stop().await, Some(0));
    }
    drop_roles(&stage).await;
}

#[tokio::test]
async fn a_role_is_refused_what_its_service_does_not_do() {
    let stage = Stage::new().await;
    done(&with_passwords(&stage)).await;
    for (role, refused) in [
        (
            "order",
            &[
                "update workers set status = 'offline'",
                "delete from orders",
                "update order_status_log set notes = ''",
                "insert into secrets values ('x', '')",
                "update orders set total_amount = 0",
                "update orders set customer_name = ''",
            ][..],
        ),
        (
            "kitchen",
            &[
                "select * from secrets",
                "insert into orders (number) values ('x')",
                "select * from idempotency_keys",
                "delete from workers",
                "update orders set total_amount = 0",
                "update orders set delivery_address = ''",
                "update order_items set price = 0",
            ],
        ),
        (
            "tracking",
            &[
                "update secrets set value = ''",
                "select * from idempotency_keys",
                "update orders set status = 'ready'",
                "delete from order_items",
                "delete from order_claims",
                "insert into workers (name, type) values ('x', 'x')",
                "select customer_name from orders",
                "select delivery_address from orders",
                "select * from orders",
            ],
        ),
        (
            "tracking_staff",
            &["select * from secrets", "select * from workers", "update orders set customer_name = ''"],
        ),
        ("exporter", &["select customer_name from orders", "select * from secrets"]),
    ] {
        let database = as_database_user(&stage, role).await;
        let everywhere = [
            "create table mine (id int)",
            "create temporary table mine (id int)",
            "create schema mine",
            "drop table orders",
            "alter table orders add mine int",
            "create role mine",
            "update refinery_schema_history set version = 0",
        ];
        for sql in refused.iter().chain(&everywhere) {
            let outcome = database.client.batch_execute(sql).await;
            let why = outcome.err().unwrap_or_else(|| panic!("{role} may: {sql}"));
            assert_eq!(
                why.as_db_error().map(|error| error.code().code()),
                Some("42501"),
                "{role}: {sql}: {why:?}"
            );
        }
    }
    drop_roles(&stage).await;
}

#[tokio::test]
async fn passwords_are_generated_once_and_rights_are_corrected() {
    let stage = Stage::new().await;
    let said = done(&migrate(&stage)).await;
    let lines: Vec<&str> = said.stdout.lines().filter(|line| !line.starts_with('#')).collect();
    let variables: Vec<&str> = lines.iter().map(|line| line.split_once('=').unwrap().0).collect();
    let expected = ["ORDER", "KITCHEN", "TRACKING", "TRACKING_STAFF", "EXPORTER"];
    let expected = expected.map(|user| format!("{user}_DB_PASSWORD"));
    assert_eq!(variables, expected);
    let password = lines[2].split_once('=').unwrap().1.trim_matches('\'').to_owned();
    assert_eq!(password.len(), 24);

    // Manual grants are revoked; the password stays.
    let (database, role) = (stage.database().await, format!("{}_tracking", stage.name));
    database
        .execute(&format!(
            "grant all on all tables in schema public to {role};
             grant select (key) on idempotency_keys to {role}"
        ))
        .await;
    let said = done(&migrate(&stage)).await;
    assert!(!said.stdout.contains("PASSWORD="), "{said:?}");
    let doctor = Launch::new("restaurant-ctl", stage.environment()).arg("doctor").arg("--service=tracking");
    let doctor = doctor.env("DB_USER", role.clone()).env("DB_PASSWORD", password.clone()).run_to_end().await;
    assert!(doctor.stdout.contains(&format!("'{role}' may do what it must")), "{doctor:?}");
    let sql = format!(
        "select has_table_privilege('{role}', 'orders', 'update')
                or has_any_column_privilege('{role}', 'idempotency_keys', 'select')"
    );
    assert_eq!(database.value(&sql).await, false);

    // With a staff key, the doctor tells that it reads no names.
    let lists = |user: &str| {
        let doctor = Launch::new("restaurant-ctl", stage.environment()).arg("doctor");
        let doctor = doctor.arg("--service=tracking").env("ORDER_STAFF_KEY", "staff-key-of-twenty-or-more");
        doctor.env("DB_USER", role.clone()).env("DB_PASSWORD", password.clone()).env("DB_STAFF_USER", user)
    };
    let names = "may not read the names and addresses";
    let without = lists("").run_to_end().await;
    assert!(without.code == Some(1) && without.stdout.contains(names), "{without:?}");
    let staff = format!("{}_tracking_staff", stage.name);
    let of_staff = lines[3].split_once('=').unwrap().1.trim_matches('\'').to_owned();
    let with = lists(&staff).env("DB_STAFF_PASSWORD", of_staff).run_to_end().await;
    assert!(with.stdout.contains(&format!("'{staff}' may do what it must")), "{with:?}");

    // A service's own role cannot create roles.
    let as_itself = migrate(&stage).env("DB_USER", role.clone()).env("DB_PASSWORD", password);
    let refused = as_itself.run_to_end().await;
    assert!(
        refused.code == Some(1)
            && refused.stderr.contains("this user may not make roles: it lacks CREATEROLE"),
        "{refused:?}"
    );

    // A role with further rights is not accepted as a service's role.
    database.execute(&format!("alter role {role} createrole")).await;
    let refused = migrate(&stage).run_to_end().await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("may create roles or databases"), "{refused:?}");
    drop_roles(&stage).await;
}

#[tokio::test]
async fn rights_of_the_version_before_stay_until_the_update_is_complete() {
    let stage = Stage::new().await;
    done(&with_passwords(&stage)).await;
    let tracking = format!("{}_tracking", stage.name);
    let database = stage.database().await;
    database
        .execute(&format!("grant select on orders to {tracking}; revoke select on workers from {tracking}"))
        .await;
    let may = async |table: &str, column: &str| {
        let sql = format!("select has_column_privilege('{tracking}', '{table}', '{column}', 'select')");
        database.value(&sql).await
    };
    done(&with_passwords(&stage).arg("--keep")).await;
    assert_eq!(may("orders", "customer_name").await, true, "it was kept");
    assert_eq!(may("workers", "name").await, true, "what is needed is added all the same");
    done(&with_passwords(&stage)).await;
    assert_eq!(may("orders", "customer_name").await, false, "it was taken");
    drop_roles(&stage).await;

    let ended =
        Launch::new("restaurant-ctl", stage.environment()).arg("migrate").arg("--keep").run_to_end().await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--keep is about roles: add --roles"), "{ended:?}");
}
