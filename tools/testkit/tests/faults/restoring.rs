//! Both servers are destroyed, with all their disks, and a backup is restored. What was
//! acknowledged after the backup is named, numbers do not come again, and nothing is cooked twice
//! without a person's word.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use testkit::database::Database;
use testkit::drill::Outcome;
use testkit::http::{self, Answer};
use testkit::service::Ended;
use testkit::{Launch, Stage, eventually};
use tokio::time::Instant;

use crate::archived_log::ArchivedLog;
use crate::load::{Attempt, Load, Response, order};
use crate::restaurant::{COOKS, Restaurant};
use crate::scale::either;
use crate::verdict::report;

const OPEN: &str = "select count(*) from orders where status in ('received', 'cooking')";
const FENCE: &str = "select current_setting('default_transaction_read_only')";
const NOT_HELD: &str =
    "not exists (select from held_orders where order_id = orders.id and released_at is null)";

/// A restaurant on servers of its own, whose daily numbers do not restart during the test.
async fn open(prepare: impl AsyncFnOnce(&mut Stage)) -> Restaurant {
    Restaurant::open_on_own_servers(async |mut stage: Stage| {
        prepare(&mut stage).await;
        (stage.at_noon().await, Vec::new())
    })
    .await
}

fn ctl(restaurant: &mut Restaurant) -> Launch {
    let mut launch = Launch::new("restaurant-ctl", restaurant.stage.environment());
    for (name, value) in restaurant.stage.own_servers().postgres.admin().search_variables() {
        launch = launch.env(name, value);
    }
    launch
}

/// Runs the command, which must succeed, and returns what it says in JSON.
async fn said(restaurant: &mut Restaurant, words: &[&str]) -> Value {
    let ended = run(restaurant, words).await;
    assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|why| panic!("{why}: {ended:?}"))
}

async fn run(restaurant: &mut Restaurant, words: &[&str]) -> Ended {
    let launch = words.iter().fold(ctl(restaurant), |launch, word| launch.arg(*word));
    launch.arg("--json").run_to_end().await
}

/// From now on some orders wait, and some are being cooked for longer than the test takes.
async fn cooks_are_slow(restaurant: &mut Restaurant) {
    for cook in &mut restaurant.cooks {
        assert_eq!(cook.stop().await, Some(0));
    }
    let slow = restaurant.cook(COOKS[0]).cooking_seconds(600.0).start().await;
    restaurant.cooks = vec![slow];
}

async fn some_are_open(restaurant: &Restaurant) {
    let database = restaurant.stage.database().await;
    for status in ["received", "cooking"] {
        let some = format!("select exists (select from orders where status = '{status}')");
        eventually(status, async || (database.value(&some).await == true).then_some(())).await;
    }
}

/// Both servers, their disks, and who was cooking. Returns when: nobody is served from then on.
async fn are_destroyed(restaurant: &mut Restaurant) -> Instant {
    let broken = Instant::now();
    let servers = restaurant.stage.own_servers();
    servers.postgres.kill();
    servers.rabbitmq.kill();
    for cook in &mut restaurant.cooks {
        cook.kill().await;
    }
    broken
}

/// Starts PostgreSQL on the data of the backup, and RabbitMQ on nothing.
async fn come_back(restaurant: &mut Restaurant, data: &Path) {
    let name = restaurant.stage.name.clone();
    let servers = restaurant.stage.own_servers();
    servers.postgres.restart_on(data).await.unwrap_or_else(|why| panic!("{why}"));
    servers.rabbitmq.stop().await;
    std::fs::remove_dir_all(servers.rabbitmq_data()).unwrap();
    servers.rabbitmq.restart().await.unwrap_or_else(|why| panic!("{why}"));
    let admin = servers.pair().rabbitmq_admin();
    admin.create_vhost(&name).await.unwrap_or_else(|why| panic!("{why}"));
}

fn accepted(attempts: &[Attempt]) -> BTreeSet<String> {
    let number = |attempt: &Attempt| match &attempt.response {
        Response::Accepted(number) => Some(number.clone()),
        _ => None,
    };
    attempts.iter().filter_map(number).collect()
}

async fn numbers(database: &Database, condition: &str) -> BTreeSet<String> {
    let rows = database.rows(&format!("select number from orders where {condition}")).await;
    rows.iter().map(|row| row["number"].as_str().unwrap().to_owned()).collect()
}

fn strings(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn held(said: &Value) -> BTreeSet<String> {
    let numbers = said["held"].as_array().unwrap().iter();
    numbers.map(|order| order["order_number"].as_str().unwrap().to_owned()).collect()
}

/// The position of a number in its day. All numbers of the test are of one day.
fn sequence(number: &str) -> u32 {
    number.rsplit_once('_').unwrap().1.parse().unwrap()
}

/// One number a line.
fn write_list(folder: &Path, numbers: &BTreeSet<String>) -> String {
    let path = folder.join("acknowledged.txt");
    let mut file = std::fs::File::create(&path).unwrap();
    for number in numbers {
        writeln!(file, "{number}").unwrap();
    }
    path.display().to_string()
}

async fn placed(restaurant: &Restaurant, customer: &str) -> (String, String) {
    let body = order(customer, 0).to_string();
    let answer = eventually("an order that is taken", async || {
        let answer = restaurant.order_services[0].post("/orders", &body).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    (answer.json()["order_number"].as_str().unwrap().to_owned(), answer.header("x-order-token").to_owned())
}

async fn cancel(restaurant: &Restaurant, number: &str, token: &str) -> Answer {
    let port = restaurant.order_services[0].port();
    http::send(port, "POST", &format!("/orders/{number}/cancel"), &[("X-Order-Token", token)], b"").await
}

async fn until_rest_but_for_the_held(database: &Database) {
    let left = format!(
        "select (select count(*) from orders where status in ('received', 'cooking') and {NOT_HELD})
              + (select count(*) from order_outbox join orders on id = order_id where {NOT_HELD})
              + (select count(*) from status_outbox)"
    );
    eventually("rest", async || (database.value(&left).await == 0).then_some(())).await;
}

/// What the audit says, by its check; nothing may be broken.
async fn audited(restaurant: &mut Restaurant, check: &str) -> Value {
    let said = said(restaurant, &["audit", "--settled"]).await;
    let checks = said["checks"].as_array().unwrap();
    let broken: Vec<_> = checks.iter().filter(|check| check["outcome"] == "fail").collect();
    assert!(broken.is_empty(), "{broken:?}");
    checks.iter().find(|found| found["check"] == check).unwrap().clone()
}

/// Every order that is there was cooked once, however often it was sent. Returns the others.
async fn cooked_otherwise(database: &Database) -> Vec<Value> {
    let lives = "
        select number, (select array_agg(log.status order by log.id) from order_status_log as log
                        where order_id = orders.id) as life
        from orders where status <> 'cancelled'";
    let once = |row: &Value| row["life"] == serde_json::json!(["received", "cooking", "ready"]);
    database.rows(lives).await.into_iter().filter(|row| !once(row)).collect()
}

async fn stopped(load: Load, restaurant: &mut Restaurant) -> Vec<Attempt> {
    load.is_refused().await;
    let attempts = load.stop().await;
    assert!(!attempts.is_empty());
    // Those clients are gone. Who comes now finds other services.
    for place in 0..restaurant.order_services.len() {
        restaurant.order_services[place].kill().await;
    }
    attempts
}

/// Both servers are lost with their disks, and a backup is restored: what came after it is named.
#[tokio::test]
async fn drill_restore() {
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    let path = backup.display().to_string();
    let mut restaurant = open(async |_| ()).await;
    let load = restaurant.load();
    load.accepts(20).await;
    cooks_are_slow(&mut restaurant).await;
    load.accepts(either(60, 200)).await;
    some_are_open(&restaurant).await;
    let backed_up = said(&mut restaurant, &["backup", &path]).await;
    let id = backed_up["manifest"]["id"].as_str().unwrap().to_owned();
    let recorded = format!("select finished_at is not null from backups where id = '{id}'");
    assert_eq!(restaurant.stage.database().await.value(&recorded).await, true);

    // The server that lives on is none to restore into.
    let refused = run(&mut restaurant, &["restore", &path]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("lived on"), "{refused:?}");
    assert_eq!(restaurant.stage.database().await.value("select count(*) from held_orders").await, 0);

    load.accepts(either(30, 100)).await;
    let (lost_number, lost_token) = placed(&restaurant, "Jane Lost").await;
    let broken = are_destroyed(&mut restaurant).await;
    let attempts = stopped(load, &mut restaurant).await;
    let mut acknowledged = accepted(&attempts);
    acknowledged.insert(lost_number.clone());
    let file = write_list(folder.path(), &acknowledged);
    let newest = acknowledged.iter().max_by_key(|number| sequence(number)).unwrap().clone();

    // Services that start too early do nothing.
    come_back(&mut restaurant, &backup.join("postgresql")).await;
    let database = restaurant.stage.database().await;
    let early = restaurant.order_service().ready_at_once().start().await;
    let refused = early.log("db_connection_failed").await;
    assert!(refused.to_string().contains("restored from a backup"), "{refused}");
    assert_eq!(database.value(FENCE).await, "on");
    let kept = numbers(&database, "true").await;
    let open = numbers(&database, "status in ('received', 'cooking')").await;
    drop(early);

    let words = ["restore", &path, "--numbers-after", &newest, "--acknowledged", &file];
    let restored = said(&mut restaurant, &words).await;
    let lost: BTreeSet<String> = acknowledged.difference(&kept).cloned().collect();
    assert!(lost.contains(&lost_number) && lost.len() > 30, "the test needs lost orders: {lost:?}");
    assert_eq!(strings(&restored["lost"]), lost);
    assert_eq!(held(&restored), open);
    let highest = kept.iter().map(|number| sequence(number)).max().unwrap();
    let gaps = restored["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(sequence(gaps[0]["first"].as_str().unwrap()), highest + 1);
    assert!(sequence(gaps[0]["last"].as_str().unwrap()) >= sequence(&newest));

    // Once more: the same, and nothing more.
    let again = said(&mut restaurant, &words).await;
    assert_eq!((&again["repeated"], &again["gaps"]), (&Value::Bool(true), &serde_json::json!([])));
    assert_eq!((strings(&again["lost"]), held(&again)), (lost.clone(), open.clone()));

    for place in 0..restaurant.order_services.len() {
        restaurant.replace_order_service(place).await;
    }
    restaurant.cooks = vec![restaurant.cook(COOKS[0]).start().await, restaurant.cook(COOKS[1]).start().await];
    let (number, token) = placed(&restaurant, "Jane Back").await;
    let recovery = broken.elapsed();
    assert!(sequence(&number) > sequence(&newest), "{number} was given out before: {newest}");
    let load = restaurant.load();
    load.accepts(20).await;
    let later = load.stop().await;
    assert!(accepted(&later).is_disjoint(&acknowledged), "numbers were given out again");
    until_rest_but_for_the_held(&database).await;
    assert_eq!(
        numbers(&database, "status in ('received', 'cooking')").await,
        open,
        "held orders were touched"
    );

    // A token of a lost order opens nothing. Nobody learns by it whether there is such an order.
    assert_eq!(cancel(&restaurant, &lost_number, &lost_token).await.status, 403);
    assert_eq!(cancel(&restaurant, &number, &lost_token).await.status, 403);
    assert_ne!(cancel(&restaurant, &number, &token).await.status, 403);

    let named = audited(&mut restaurant, "lost_orders").await;
    assert_eq!((&named["outcome"], strings(&named["examples"])), (&Value::from("warn"), lost.clone()));
    assert_eq!(audited(&mut restaurant, "held_orders").await["count"], open.len());

    // A person says so.
    let one = open.first().unwrap().clone();
    let said_so = said(&mut restaurant, &["release", &one]).await;
    assert_eq!(strings(&said_so["released"]), BTreeSet::from([one.clone()]));
    let ready = format!("select status = 'ready' from orders where number = '{one}'");
    eventually("it to be ready", async || (database.value(&ready).await == true).then_some(())).await;
    assert_eq!(run(&mut restaurant, &["release", &one]).await.code, Some(1), "it is held no more");
    said(&mut restaurant, &["release", "--all"]).await;
    eventually("all to be cooked", async || (database.value(OPEN).await == 0).then_some(())).await;
    until_rest_but_for_the_held(&database).await;
    let doubled = cooked_otherwise(&database).await;
    assert!(doubled.is_empty(), "{doubled:?}");
    assert_eq!(audited(&mut restaurant, "held_orders").await["outcome"], "ok");
    restored_at_this_cost(&Outcome {
        drill: "restore",
        broken: "both servers lost, a backup restored; all lost orders are named".to_owned(),
        placed: attempts.len() + later.len(),
        acknowledged: acknowledged.len() + accepted(&later).len(),
        lost: lost.len(),
        doubled: doubled.len(),
        without_service: recovery,
    });
}

/// For both tables.
fn restored_at_this_cost(outcome: &Outcome) {
    let Outcome { broken, placed, acknowledged, lost, doubled, without_service, .. } = outcome;
    let milliseconds = without_service.as_millis();
    report(&format!("| {broken} | {placed} | {acknowledged} | {lost} | {doubled} | {milliseconds} ms |"));
    outcome.report();
}

/// Both servers are lost under load; a backup and the archived log are restored. Each commit waited
/// until it was in that log, so nothing that was acknowledged is missing.
#[tokio::test]
async fn drill_archive() {
    let folder =
        tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o755)).tempdir().unwrap();
    let backup = folder.path().join("backup");
    let path = backup.display().to_string();
    let mut log = None;
    let mut restaurant = open(async |stage| log = Some(ArchivedLog::start(stage, folder.path()).await)).await;
    let log = log.expect("started");
    let load = restaurant.load();
    load.accepts(20).await;
    said(&mut restaurant, &["backup", &path]).await;
    cooks_are_slow(&mut restaurant).await;
    load.accepts(either(40, 200)).await;
    log.has_a_whole_file(&restaurant.stage.database().await).await;
    some_are_open(&restaurant).await;
    // These are in no whole file.
    load.accepts(either(20, 100)).await;
    let broken = are_destroyed(&mut restaurant).await;
    let attempts = stopped(load, &mut restaurant).await;
    let acknowledged = accepted(&attempts);

    let data = backup.join("postgresql");
    std::fs::write(data.join("recovery.signal"), "").unwrap();
    let mut settings =
        std::fs::OpenOptions::new().append(true).open(data.join("postgresql.auto.conf")).unwrap();
    settings.write_all(log.settings_for_recovery().await.as_bytes()).unwrap();
    come_back(&mut restaurant, &data).await;
    let database = restaurant.stage.database().await;
    let replays = "select pg_is_in_recovery()";
    eventually("the end of recovery", async || (database.value(replays).await == false).then_some(())).await;
    assert_eq!(database.value(FENCE).await, "on");

    let file = write_list(folder.path(), &acknowledged);
    let restored = said(&mut restaurant, &["restore", &path, "--acknowledged", &file]).await;
    assert_eq!((&restored["lost"], &restored["gaps"]), (&serde_json::json!([]), &serde_json::json!([])));
    let open = numbers(&database, "status in ('received', 'cooking')").await;
    assert_eq!(held(&restored), open);
    let kept = numbers(&database, "true").await;
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "{lost:?}");

    for place in 0..restaurant.order_services.len() {
        restaurant.replace_order_service(place).await;
    }
    restaurant.cooks = vec![restaurant.cook(COOKS[0]).start().await, restaurant.cook(COOKS[1]).start().await];
    let recovery = broken.elapsed();
    said(&mut restaurant, &["release", "--all"]).await;
    eventually("all to be cooked", async || (database.value(OPEN).await == 0).then_some(())).await;
    until_rest_but_for_the_held(&database).await;
    let doubled = cooked_otherwise(&database).await;
    assert!(doubled.is_empty(), "{doubled:?}");
    assert_eq!(audited(&mut restaurant, "lost_orders").await["outcome"], "ok");
    restored_at_this_cost(&Outcome {
        drill: "archive",
        broken: "both servers lost under load, a backup and an archived log restored".to_owned(),
        placed: attempts.len(),
        acknowledged: acknowledged.len(),
        lost: lost.len(),
        doubled: doubled.len(),
        without_service: recovery,
    });
}
