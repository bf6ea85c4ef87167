//! A folder with a restaurant in it, and the commands that a user runs there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use devcluster::free_port;
use tempfile::TempDir;
use tokio::sync::Mutex;

/// The programs of a cluster.
const LARGE: [&str; 8] = [
    "postgres",
    "beam.smp",
    "order-service",
    "kitchen-worker",
    "tracking-service",
    "notification-subscriber",
    "restaurant-ctl",
    "prometheus",
];

/// On two cores, two clusters start faster one after the other than in parallel.
pub static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// A folder to run the commands in.
pub struct Workspace {
    pub folder: TempDir,
    /// By default with ports on which nothing listens, so that no server of this machine is used.
    environment: Vec<(&'static str, String)>,
}

impl Workspace {
    pub fn new() -> Self {
        Self::named("a restaurant ")
    }

    pub fn named(prefix: &str) -> Self {
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

    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        CommandOutput::from(self.command(arguments).output().unwrap())
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
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
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.to_owned()));
    }

    pub fn local(&self, name: &str) -> PathBuf {
        self.folder.path().join(".local").join(name)
    }

    pub fn record(&self) -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(self.local("cluster.json")).unwrap()).unwrap()
    }

    /// A worker that nobody sends an order, on the servers of the folder, once it is registered.
    pub fn started_by_hand(&self, name: &str) -> ByHand {
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

    pub fn pid_of(&self, name: &str) -> Option<i32> {
        let record = self.record();
        let member =
            record["members"].as_array().unwrap().iter().find(|member| member["name"] == name).cloned();
        i32::try_from(member.unwrap()["pid"].as_i64()?).ok()
    }

    /// Asserts that no server or service runs in the folder, and waits until nothing does: the
    /// servers' helper programs end a moment later.
    #[track_caller]
    pub fn is_closed(&self) {
        let left = self.processes();
        let is_large = |command: &String| LARGE.iter().any(|name| command.contains(name));
        assert!(!left.iter().any(is_large), "still running: {left:?}");
        self.until_left();
    }

    /// Waits until nothing runs in the folder.
    #[track_caller]
    pub fn until_left(&self) {
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
    pub fn processes(&self) -> Vec<String> {
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
pub struct ByHand(Child);

impl Drop for ByHand {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub struct CommandOutput {
    code: Option<i32>,
    pub text: String,
}

impl From<Output> for CommandOutput {
    fn from(output: Output) -> Self {
        let text = [output.stdout, output.stderr].concat();
        Self { code: output.status.code(), text: String::from_utf8(text).unwrap() }
    }
}

impl CommandOutput {
    #[track_caller]
    pub fn expect(&self, code: i32, parts: &[&str]) {
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
pub fn eventually(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < limit, "not within {} s: {what}", limit.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}
