//! `up`, `status`, `logs`, `down` and `reset`, as a user runs them, with private servers and all services.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use servers::{free_port, http_client};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// Two restaurants that open at the same moment may choose the same port for their order services.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

const ORDER: &str =
    r#"{"customer_name":"Ada","order_type":"takeout","items":[{"name":"Pizza","quantity":1,"price":15.99}]}"#;

/// A folder to run it in.
struct Place {
    folder: TempDir,
    /// Ports on which nobody answers, so that no server of this machine is used.
    ports: [u16; 2],
}

impl Place {
    fn new() -> Self {
        Self::named("a restaurant ")
    }

    fn named(prefix: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir().unwrap();
        Self { folder, ports: [free_port(0).unwrap(), free_port(0).unwrap()] }
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_restaurant-ctl"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("DB_PORT", self.ports[0].to_string())
            .env("RABBITMQ_PORT", self.ports[1].to_string())
            .env("KITCHEN_COOKING_SECONDS_TAKEOUT", "0.5")
            .stdin(Stdio::null());
        Said::from(command.output().unwrap())
    }

    fn local(&self, name: &str) -> PathBuf {
        self.folder.path().join(".local").join(name)
    }

    fn record(&self) -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(self.local("cluster.json")).unwrap()).unwrap()
    }

    fn pid_of(&self, name: &str) -> Option<i32> {
        let record = self.record();
        let member =
            record["members"].as_array().unwrap().iter().find(|member| member["name"] == name).cloned();
        i32::try_from(member.unwrap()["pid"].as_i64()?).ok()
    }

    /// What still runs in the folder.
    fn processes(&self) -> Vec<String> {
        let folder = self.folder.path().canonicalize().unwrap();
        let runs_here = |process: &Path| {
            let cwd = std::fs::read_link(process.join("cwd")).unwrap_or_default();
            let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            (cwd.starts_with(&folder) || command.contains(folder.to_str().unwrap())).then_some(command)
        };
        std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| runs_here(&entry.path())).collect()
    }
}

impl Drop for Place {
    /// Leaves nothing running if the test fails.
    fn drop(&mut self) {
        let _ = self.run(&["down", "--now"]);
    }
}

struct Said {
    code: Option<i32>,
    text: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = [output.stdout, output.stderr].concat();
        Self { code: output.status.code(), text: String::from_utf8(text).unwrap() }
    }
}

impl Said {
    #[track_caller]
    fn expect(&self, code: i32, parts: &[&str]) {
        let all_said = parts.iter().all(|part| self.text.contains(part));
        assert!(
            self.code == Some(code) && all_said,
            "code {:?}, expected {parts:?} in:\n{}",
            self.code,
            self.text
        );
    }
}

#[track_caller]
fn eventually(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < limit, "not within {} s: {what}", limit.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}

async fn place_order(url: &str) -> String {
    let port = url.rsplit_once(':').unwrap().1.parse().unwrap();
    let request = http_client::Request { method: "POST", path: "/orders", headers: &[], body: Some(ORDER) };
    let answer = http_client::send(port, &request, Duration::from_secs(10)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    answer["order_number"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_restaurant_opens_works_and_closes() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let place = Place::new();
    place.run(&["status"]).expect(1, &["closed"]);
    place.run(&["up", "--detach"]).expect(
        0,
        &[
            "PostgreSQL: a private server on 127.0.0.1:",
            "RabbitMQ: a private server on 127.0.0.1:",
            "The restaurant is open",
            "curl -sS http://127.0.0.1:",
        ],
    );
    place.run(&["up"]).expect(0, &["open already"]);
    place.run(&["status"]).expect(0, &["postgres", "rabbitmq", "chef_luigi", "subscriber_2", "running"]);

    let record = place.record();
    let number = place_order(record["order_url"].as_str().unwrap()).await;
    let ready = format!("Notification for order {number}: Status changed from 'cooking' to 'ready'");
    for subscriber in ["subscriber_1", "subscriber_2"] {
        let shown = || place.run(&["logs", subscriber]).text.contains(&ready);
        eventually("the notification is shown", Duration::from_secs(20), shown);
    }
    place.run(&["logs", "waiter"]).expect(2, &["there is no service 'waiter'"]);

    let killed = place.pid_of("tracking").unwrap();
    kill_process(Pid::from_raw(killed).unwrap(), Signal::KILL).unwrap();
    eventually("it runs again", Duration::from_secs(20), || {
        place.pid_of("tracking").is_some_and(|pid| pid != killed)
    });
    let said = std::fs::read_to_string(place.local("logs/up.log")).unwrap();
    assert!(said.contains("tracking has ended (signal: 9 (SIGKILL))"), "{said}");

    place.run(&["down"]).expect(0, &["closed"]);
    assert_eq!(place.processes(), Vec::<String>::new());
    place.run(&["down"]).expect(0, &["nothing to close"]);
    place.run(&["reset"]).expect(2, &["--yes"]);
    place.run(&["reset", "--yes"]).expect(0, &["deleted"]);
    assert!(!place.local("postgres").exists() && !place.local("logs").exists());
}

#[tokio::test]
async fn nothing_outlives_a_killed_supervisor() {
    let _turn = ONE_AT_A_TIME.lock().await;
    // Without a space in its name: a killed supervisor cannot remove the link that RabbitMQ needs for it.
    let place = Place::named("restaurant-");
    place.run(&["up", "--detach"]).expect(0, &["The restaurant is open"]);
    let supervisor = place.record()["supervisor"].as_i64().unwrap();
    kill_process(Pid::from_raw(i32::try_from(supervisor).unwrap()).unwrap(), Signal::KILL).unwrap();
    eventually("nothing runs", Duration::from_secs(30), || place.processes().is_empty());
    place.run(&["status"]).expect(1, &["closed"]);
}

#[test]
fn mistakes_are_told_at_once() {
    let place = Place::new();
    place.run(&["up", "--config=/nowhere/config.yaml"]).expect(78, &["/nowhere/config.yaml"]);
    place.run(&["open"]).expect(2, &["restaurant-ctl --help"]);
    place.run(&["logs"]).expect(1, &["no logs yet"]);
    std::fs::write(place.folder.path().join(".local"), "").unwrap();
    place.run(&["up"]).expect(1, &["cannot write in '.local'"]);
}
