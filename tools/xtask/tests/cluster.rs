//! `up`, `status`, `logs`, `down` and `reset`, as a user calls them, with private servers and all
//! services.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use devcluster::free_port;
use runtime::http_client;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// The programs of a cluster.
const LARGE: [&str; 6] = [
    "postgres",
    "beam.smp",
    "order-service",
    "kitchen-worker",
    "tracking-service",
    "notification-subscriber",
];

const COOKS: [&str; 3] = ["chef_anna", "chef_mario", "chef_luigi"];

/// On two cores, two clusters start faster one after the other than in parallel.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

const ORDER: &str =
    r#"{"customer_name":"Ada","order_type":"takeout","items":[{"item_id":"margherita","quantity":1}]}"#;
const LONG_ORDER: &str = r#"{"customer_name":"Ada","order_type":"delivery","delivery_address":"12 Long Road",
    "items":[{"item_id":"margherita","quantity":1}]}"#;

/// A folder to run the commands in.
struct Workspace {
    folder: TempDir,
    /// By default with ports on which nothing listens, so that no server of this machine is used.
    environment: Vec<(&'static str, String)>,
}

impl Workspace {
    fn new() -> Self {
        Self::named("a restaurant ")
    }

    fn named(prefix: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir().unwrap();
        let port = || free_port(0).unwrap().to_string();
        let environment = vec![
            ("DB_PORT", port()),
            ("RABBITMQ_PORT", port()),
            ("KITCHEN_COOKING_SECONDS_DINE_IN", "0.5".to_owned()),
            ("KITCHEN_COOKING_SECONDS_TAKEOUT", "0.5".to_owned()),
            ("KITCHEN_COOKING_SECONDS_DELIVERY", "5".to_owned()),
        ];
        Self { folder, environment }
    }

    fn run(&self, arguments: &[&str]) -> CommandOutput {
        CommandOutput::from(self.command(arguments).output().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        let is_built = (arguments.first() == Some(&"up")).then_some("--no-build");
        command
            .args(arguments)
            .args(is_built)
            .current_dir(self.folder.path())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// Sets a variable for all commands.
    fn set(&mut self, name: &'static str, value: &str) {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.to_owned()));
    }

    fn local(&self, name: &str) -> PathBuf {
        self.folder.path().join(".local").join(name)
    }

    fn record(&self) -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(self.local("cluster.json")).unwrap()).unwrap()
    }

    /// A worker that nobody sends an order, on the servers of the folder, once it is registered.
    fn started_by_hand(&self, name: &str) -> ByHand {
        let program = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name("kitchen-worker");
        let log = self.folder.path().join("by-hand.jsonl");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", r#". .local/env; exec "$0" "$@""#])
            .arg(program)
            .args(["--worker-name", name, "--order-types=dine_in"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&log).unwrap());
        let worker = ByHand(shell.spawn().unwrap());
        eventually("the worker is registered", Duration::from_secs(20), || {
            std::fs::read_to_string(&log).unwrap().contains("worker_registered")
        });
        worker
    }

    fn pid_of(&self, name: &str) -> Option<i32> {
        let record = self.record();
        let member =
            record["members"].as_array().unwrap().iter().find(|member| member["name"] == name).cloned();
        i32::try_from(member.unwrap()["pid"].as_i64()?).ok()
    }

    /// Asserts that no server or service runs in the folder, and waits until nothing does: the
    /// servers' helper programs end a moment later.
    #[track_caller]
    fn is_closed(&self) {
        let left = self.processes();
        let is_large = |command: &String| LARGE.iter().any(|name| command.contains(name));
        assert!(!left.iter().any(is_large), "still running: {left:?}");
        self.until_left();
    }

    /// Waits until nothing runs in the folder.
    #[track_caller]
    fn until_left(&self) {
        let start = Instant::now();
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "still running: {left:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// All processes of the folder.
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

impl Drop for Workspace {
    /// Stops everything if the test fails.
    fn drop(&mut self) {
        let _ = self.run(&["down", "--now"]);
    }
}

/// A process that is killed at the end of the test, however that comes.
struct ByHand(Child);

impl Drop for ByHand {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct CommandOutput {
    code: Option<i32>,
    text: String,
}

impl From<Output> for CommandOutput {
    fn from(output: Output) -> Self {
        let text = [output.stdout, output.stderr].concat();
        Self { code: output.status.code(), text: String::from_utf8(text).unwrap() }
    }
}

impl CommandOutput {
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
