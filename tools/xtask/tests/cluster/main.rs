//! `up`, `status`, `logs`, `down` and `reset`, as a user calls them, with private servers and all
//! services.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod like_production;
mod observed;
mod workspace;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use runtime::http_client;
use rustix::process::{Pid, Signal, kill_process};

use crate::workspace::{CommandOutput, ONE_AT_A_TIME, Workspace, eventually};

const COOKS: [&str; 3] = ["chef_anna", "chef_mario", "chef_luigi"];

const ORDER: &str =
    r#"{"customer_name":"Ada","order_type":"takeout","items":[{"item_id":"margherita","quantity":1}]}"#;
const LONG_ORDER: &str = r#"{"customer_name":"Ada","order_type":"delivery","delivery_address":"12 Long Road",
    "items":[{"item_id":"margherita","quantity":1}]}"#;

async fn place_order(url: &str, body: &str) -> String {
    let port = url.rsplit_once(':').unwrap().1.parse().unwrap();
    let request = http_client::Request { method: "POST", path: "/orders", headers: &[], body: Some(body) };
    let answer = http_client::send(port, &request, Duration::from_secs(10)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    answer["order_number"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_restaurant_opens_works_and_closes() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let workspace = Workspace::new();
    workspace.run(&["status"]).expect(1, &["closed"]);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| workspace.run(&["up", "--detach"]));
        eventually("it is being opened", Duration::from_secs(10), || {
            workspace.run(&["demo"]).text.contains("the restaurant is being opened (process ")
        });
        workspace.run(&["up"]).expect(0, &["is being opened (process ", "open already"]);
        workspace.run(&["status"]).expect(0, &["The restaurant is open"]);
        first.join().unwrap().expect(
            0,
            &[
                "PostgreSQL: a private server on 127.0.0.1:",
                "RabbitMQ: a private server on 127.0.0.1:",
                "the menu is that of deploy/menu.yaml",
                "The restaurant is open",
                "curl -sS http://127.0.0.1:",
                r#""items":[{"item_id":"caesar-salad","quantity":1}]"#,
            ],
        );
    });
    let mut again = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let again = again.args(["up", "--detach"]).current_dir(workspace.folder.path());
    let output = again.env("CARGO", "/nowhere/cargo").stdin(Stdio::null()).output().unwrap();
    // It says so before it would build.
    CommandOutput::from(output).expect(0, &["open already"]);
    workspace.run(&["status"]).expect(0, &["postgres", "rabbitmq", "chef_luigi", "subscriber_2", "running"]);
    workspace.run(&["up", "--observe"]).expect(0, &["open already", "nothing watches it"]);
    let like_production = workspace.run(&["up", "--like-production"]);
    like_production.expect(0, &["open already", "it is not like production", "'--like-production'"]);

    let record = workspace.record();
    let number = place_order(record["order_url"].as_str().unwrap(), ORDER).await;
    let ready = format!("Notification for order {number}: Status changed from 'cooking' to 'ready'");
    for subscriber in ["subscriber_1", "subscriber_2"] {
        let shown = || workspace.run(&["logs", subscriber]).text.contains(&ready);
        eventually("the notification is shown", Duration::from_secs(20), shown);
    }
    let key = std::fs::read_to_string(workspace.local("staff-key")).unwrap();
    let environment = std::fs::read_to_string(workspace.local("env")).unwrap();
    assert!(environment.contains(&format!("ORDER_STAFF_KEY='{key}';")), "{environment}");
    workspace.run(&["logs", "waiter"]).expect(2, &["there is no service 'waiter'"]);
    let demo = workspace.run(&["demo", "--orders", "3", "--every", "0", "--seed", "1"]);
    demo.expect(0, &["3 orders placed, 3 ready, 0 turned away"]);

    for (service, users) in [
        ("order", ["DB_USER=restaurant_db_order", "RABBITMQ_USER=order-service"]),
        ("chef_anna", ["DB_USER=restaurant_db_kitchen", "RABBITMQ_USER=kitchen-worker"]),
        ("tracking", ["DB_USER=restaurant_db_tracking", "RABBITMQ_USER=nobody"]),
        ("subscriber_1", ["DB_USER=nobody", "RABBITMQ_USER=notification-subscriber"]),
    ] {
        let path = format!("/proc/{}/environ", workspace.pid_of(service).unwrap());
        let environment = String::from_utf8(std::fs::read(path).unwrap()).unwrap();
        for user in users {
            assert!(environment.split('\0').any(|variable| variable == user), "{service} is not {user}");
        }
    }

    let killed = workspace.pid_of("tracking").unwrap();
    kill_process(Pid::from_raw(killed).unwrap(), Signal::KILL).unwrap();
    eventually("it runs again", Duration::from_secs(20), || {
        workspace.pid_of("tracking").is_some_and(|pid| pid != killed)
    });
    let said = std::fs::read_to_string(workspace.local("logs/up.log")).unwrap();
    assert!(said.contains("tracking has ended (signal: 9 (SIGKILL))"), "{said}");

    let number = place_order(workspace.record()["order_url"].as_str().unwrap(), LONG_ORDER).await;
    let cooks = || workspace.run(&["logs", "kitchen"]).text.contains(&number);
    eventually("it is being cooked", Duration::from_secs(20), cooks);
    // No order gets ready before everything was seen.
    let all_cooks = COOKS.map(|cook| Pid::from_raw(workspace.pid_of(cook).unwrap()).unwrap());
    let signal_cooks = |signal| all_cooks.iter().for_each(|cook| kill_process(*cook, signal).unwrap());
    signal_cooks(Signal::STOP);
    let rosa = workspace.started_by_hand("chef_rosa");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| workspace.run(&["down"]));
        eventually("it is being closed", Duration::from_secs(10), || {
            workspace.record()["phase"] == "closing"
        });
        eventually("the order service has ended", Duration::from_secs(10), || {
            workspace.pid_of("order").is_none()
        });
        workspace.run(&["status"]).expect(1, &["The restaurant is closing"]);
        workspace.run(&["demo"]).expect(1, &["the restaurant is being closed"]);
        signal_cooks(Signal::CONT);
        workspace.run(&["down"]).expect(0, &["closed"]);
        first.join().unwrap().expect(0, &["did not start them: chef_rosa.", "closed"]);
    });
    drop(rosa);
    let said = std::fs::read_to_string(workspace.local("logs/up.log")).unwrap();
    assert!(!said.contains("at once\n"), "nobody was in a hurry: {said}");
    let said = workspace.run(&["logs", "subscriber_1"]).text;
    let ready = format!("Notification for order {number}: Status changed from 'cooking' to 'ready'");
    assert!(said.contains(&ready), "{said}");
    workspace.is_closed();
    workspace.run(&["down"]).expect(0, &["nothing to close"]);
    assert_eq!(std::fs::read_to_string(workspace.local("staff-key")).unwrap(), key, "the next start has it");
    workspace.run(&["reset"]).expect(2, &["--yes"]);
    workspace.run(&["reset", "--yes"]).expect(0, &["deleted"]);
    let is_left = ["postgres", "logs", "staff-key"].map(|name| workspace.local(name).exists());
    assert_eq!(is_left, [false; 3]);
}

#[tokio::test]
async fn restaurants_side_by_side_do_not_meet() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let first = Workspace::new();
    first.run(&["up", "--detach"]).expect(0, &["The restaurant is open"]);

    // The second one finds the servers of the first where its configuration names them.
    let mut second = Workspace::new();
    let port = |name: &str| {
        let record = first.record();
        let members = record["members"].as_array().unwrap();
        let member = members.iter().find(|member| member["name"] == name).unwrap();
        member["address"].as_str().unwrap().rsplit_once(':').unwrap().1.to_owned()
    };
    second.set("DB_PORT", &port("postgres"));
    second.set("RABBITMQ_PORT", &port("rabbitmq"));
    let mut opening = second.command(&["up"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(opening.stdout.take().unwrap()).lines();
    let mut said = String::new();
    while !said.contains("The restaurant is open") {
        said += &lines.next().unwrap_or_else(|| panic!("{said}")).unwrap();
        said.push('\n');
    }
    for part in
        ["does not let 'restaurant_user' in", "PostgreSQL: a private server", "RabbitMQ: a private server"]
    {
        assert!(said.contains(part), "no '{part}' in {said}");
    }
    assert_ne!(first.record()["order_url"], second.record()["order_url"]);

    // Close the reader of its output.
    drop(lines);
    eventually("it closes", Duration::from_secs(30), || opening.try_wait().unwrap().is_some());
    second.is_closed();

    // With the first one's password it gets in, but the workers' names are taken there.
    for (name, folder) in [("DB_PASSWORD", "postgres"), ("RABBITMQ_PASSWORD", "rabbitmq")] {
        let path = first.local(folder).join("credentials.json");
        let stored: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        second.set(name, stored["password"].as_str().unwrap());
    }
    second.run(&["up", "--detach"]).expect(1, &["PostgreSQL: the configured one", "no cook is at work"]);
    second.run(&["status"]).expect(1, &["closed"]);
    let kept = format!("PostgreSQL at localhost:{}", port("postgres"));
    second.run(&["reset", "--yes"]).expect(0, &[kept.as_str(), "stay"]);
    first.run(&["status"]).expect(0, &["The restaurant is open"]);
    first.run(&["down", "--now"]).expect(0, &["closed"]);
}

#[tokio::test]
async fn nothing_outlives_a_killed_supervisor() {
    let _turn = ONE_AT_A_TIME.lock().await;
    // Without a space in its name, because a killed supervisor cannot remove the link that RabbitMQ
    // needs for it.
    let workspace = Workspace::named("restaurant-");
    workspace.run(&["up", "--detach"]).expect(0, &["The restaurant is open"]);
    let supervisor = workspace.record()["supervisor"].as_i64().unwrap();
    kill_process(Pid::from_raw(i32::try_from(supervisor).unwrap()).unwrap(), Signal::KILL).unwrap();
    workspace.until_left();
    workspace.run(&["status"]).expect(1, &["closed"]);
}

#[test]
fn mistakes_are_told_at_once() {
    let workspace = Workspace::new();
    workspace.run(&["up", "--config=/nowhere/config.yaml"]).expect(78, &["/nowhere/config.yaml"]);
    for orders in ["0", "x", "10001"] {
        workspace
            .run(&["demo", "--orders", orders])
            .expect(2, &["allowed are whole numbers from 1 to 10000"]);
    }
    workspace.run(&["open"]).expect(2, &["cargo xtask --help"]);
    workspace.run(&["logs"]).expect(1, &["no logs yet"]);
    std::fs::write(workspace.folder.path().join(".local"), "").unwrap();
    workspace.run(&["up"]).expect(1, &["cannot write in '.local'"]);
}
