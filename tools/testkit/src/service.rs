//! A service under test: a real process, its log, and its port.

mod errors_shown;
mod process;
mod release;

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use runtime::signals;
pub use rustix::process::Signal;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::http::{self, Answer};
use crate::lines::Lines;
use crate::wait::{eventually, within};

/// A program that can be started.
#[derive(Clone, Debug)]
pub struct Launch {
    program: &'static str,
    /// Where it lies; `None`: where this workspace is built.
    folder: Option<PathBuf>,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    ready: Ready,
    ignores_hangup: bool,
    output: Option<PathBuf>,
}

/// When a service counts as started.
#[derive(Clone, Debug)]
enum Ready {
    AtOnce,
    Probed,
    Logged { action: &'static str, message_part: &'static str },
}

impl Launch {
    /// A program of the workspace, without the environment of the test process.
    pub fn new(program: &'static str, environment: Vec<(&'static str, String)>) -> Self {
        let (ready, folder, output) = (Ready::AtOnce, None, None);
        Self { program, folder, arguments: Vec::new(), environment, ready, ignores_hangup: false, output }
    }

    /// Appends its standard output to this file.
    #[must_use]
    pub fn printing_to(self, file: impl Into<PathBuf>) -> Self {
        Self { output: Some(file.into()), ..self }
    }

    /// Adds an argument. `--flag=value` replaces an earlier value of the flag.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        let argument = argument.into();
        if let Some((flag, _)) = argument.split_once('=') {
            self.arguments.retain(|earlier| !earlier.starts_with(&format!("{flag}=")));
        }
        self.arguments.push(argument);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.into()));
        self
    }

    /// Removes all variables whose names start with this prefix.
    #[must_use]
    pub fn without_env(mut self, prefix: &str) -> Self {
        self.environment.retain(|(name, _)| !name.starts_with(prefix));
        self
    }

    /// Sets the cooking time of every type.
    #[must_use]
    pub fn cooking_seconds(self, seconds: f64) -> Self {
        self.env("KITCHEN_COOKING_SECONDS_DINE_IN", seconds.to_string())
            .env("KITCHEN_COOKING_SECONDS_TAKEOUT", seconds.to_string())
            .env("KITCHEN_COOKING_SECONDS_DELIVERY", seconds.to_string())
    }

    /// Starts it like `nohup`: it ignores a closed terminal.
    #[must_use]
    pub fn ignoring_hangup(self) -> Self {
        Self { ignores_hangup: true, ..self }
    }

    /// `start` waits until `/readyz` answers 200.
    #[must_use]
    pub fn ready_when_probed(self) -> Self {
        Self { ready: Ready::Probed, ..self }
    }

    /// `start` waits for a log line of this action.
    #[must_use]
    pub fn ready_when_logged(self, action: &'static str) -> Self {
        self.ready_when_logged_message(action, "")
    }

    /// `start` waits for a log line of this action whose message contains this text.
    #[must_use]
    pub fn ready_when_logged_message(self, action: &'static str, message_part: &'static str) -> Self {
        Self { ready: Ready::Logged { action, message_part }, ..self }
    }

    /// `start` does not wait.
    #[must_use]
    pub fn ready_at_once(self) -> Self {
        Self { ready: Ready::AtOnce, ..self }
    }

    /// Starts the program, and waits until it is ready.
    pub async fn start(&self) -> Service {
        let service = self.spawn();
        match &self.ready {
            Ready::AtOnce => {}
            Ready::Probed => {
                eventually(&format!("{} to be ready", self.program), async || {
                    service.fail_if_ended();
                    let port = service.logged("service_started").first()?["details"]["port"].as_u64()?;
                    let answer = http::send(u16::try_from(port).ok()?, "GET", "/readyz", &[], b"").await;
                    (answer.status == 200).then_some(())
                })
                .await;
            }
            Ready::Logged { action, message_part } => {
                service
                    .log_where(&format!("{action} with '{message_part}'"), |line| {
                        line["action"] == *action
                            && line["message"].as_str().is_some_and(|text| text.contains(message_part))
                    })
                    .await;
            }
        }
        service
    }

    /// Starts the program, and waits for its end.
    pub async fn run_to_end(&self) -> Ended {
        Self::ended(self.spawn()).await
    }

    /// The same, with another standard output.
    pub async fn run_to_end_into(&self, stdout: impl Into<Stdio>) -> Ended {
        Self::ended(self.spawn_into(stdout.into(), Stdio::piped())).await
    }

    /// The same, with a full disk as standard output and standard error: every write fails.
    pub async fn run_to_end_on_full_disk(&self) -> Ended {
        let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("on Linux");
        Self::ended(self.spawn_into(full().into(), full().into())).await
    }

    /// The same, with closed pipes as standard output and standard error: every write fails.
    pub async fn run_to_end_without_reader(&self) -> Ended {
        let broken = || std::io::pipe().expect("a pipe").1;
        Self::ended(self.spawn_into(broken().into(), broken().into())).await
    }

    async fn ended(mut service: Service) -> Ended {
        let status = service.wait().await;
        Ended {
            code: status.code(),
            stdout: service.stdout.lines().join("\n"),
            stderr: service.stderr.lines().join("\n"),
        }
    }

    fn spawn(&self) -> Service {
        let Some(path) = &self.output else { return self.spawn_into(Stdio::piped(), Stdio::piped()) };
        let file =
            std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a file to append to");
        let mut service = self.spawn_into(file.into(), Stdio::piped());
        service.stdout = Lines::follow(path.clone(), service.stderr.read.clone());
        service
    }

    fn spawn_into(&self, stdout: Stdio, stderr: Stdio) -> Service {
        restore_hangups();
        let path = self.path();
        assert!(
            path.is_file(),
            "{} is not built: run the tests by 'cargo xtask test', or 'cargo build --workspace' first",
            path.display()
        );
        let mut command = if self.ignores_hangup {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", r#"trap "" HUP; exec "$0" "$@""#]).arg(path);
            shell
        } else {
            Command::new(path)
        };
        command
            .args(&self.arguments)
            .env_clear()
            .env("RUST_BACKTRACE", "1")
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            // This folder has no config.yaml: only defaults and the environment apply.
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        // Nothing to read if it writes elsewhere.
        let stdout = child.stdout.take().map_or_else(|| Lines::read(tokio::io::empty()), Lines::read);
        let stderr = child.stderr.take().map_or_else(|| Lines::read(tokio::io::empty()), Lines::read);
        let may_panic =
            self.environment.iter().any(|(name, value)| *name == "FAILPOINT" && value.contains("=panic"));
        Service { program: self.program, may_panic, child, stdout, stderr }
    }
}

/// Children inherit ignored signals: under nohup, a service would survive SIGHUP. A signal with a
/// handler gets its default action in them.
fn restore_hangups() {
    let hangup = SignalKind::hangup();
    if signals::is_ignored(hangup) {
        // The handler stays when this is dropped.
        drop(signal(hangup).expect("a handler"));
    }
}

/// The result of a program.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The exit code. `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A running service. Dropping it kills the process, and fails the test if a panic was logged.
pub struct Service {
    program: &'static str,
    /// The test makes it panic.
    may_panic: bool,
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

impl Drop for Service {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show_errors();
        }
        let panic = self.stdout.lines().into_iter().find(|line| line.contains(r#""action":"panic""#));
        if let Some(line) = panic.filter(|_| !self.may_panic && !std::thread::panicking()) {
            panic!("{} panicked: {line}", self.program);
        }
    }
}

impl Service {
    /// All its log lines so far. A line that is neither JSON nor a notification fails the test.
    pub fn log_lines(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        let logged = lines.iter().filter(|line| !line.starts_with("Notification for order "));
        logged
            .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("not JSON ({why}): {line}")))
            .collect()
    }

    /// All lines of its console that are not JSON.
    pub fn console(&self) -> Vec<String> {
        self.stdout.lines().into_iter().filter(|line| !line.starts_with('{')).collect()
    }

    /// All lines of its standard output.
    pub fn raw_lines(&self) -> Vec<String> {
        self.stdout.lines()
    }

    /// All lines of its standard error so far.
    pub fn errors(&self) -> Vec<String> {
        self.stderr.lines()
    }

    /// Its log lines of an action so far.
    pub fn logged(&self, action: &str) -> Vec<Value> {
        self.log_lines().into_iter().filter(|line| line["action"] == action).collect()
    }

    /// Waits for the first log line of an action.
    pub async fn log(&self, action: &str) -> Value {
        self.log_where(action, |line| line["action"] == action).await
    }

    /// Waits for `count` log lines of an action, and returns all so far.
    pub async fn logs(&self, action: &str, count: usize) -> Vec<Value> {
        self.await_lines(&format!("{count} × {action}"), || {
            let lines = self.logged(action);
            (lines.len() >= count).then_some(lines)
        })
        .await
    }

    /// Waits until the whole topology is declared. An order service is ready once its connection
    /// for orders is. Its other connection, for status updates, may still be declaring the stream.
    pub async fn declared_all(&self) {
        self.logs("rabbitmq_connected", 2).await;
    }

    /// Waits for the first matching log line.
    pub async fn log_where(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.await_lines(what, || self.log_lines().into_iter().find(&fits)).await
    }

    /// Waits for the first notification on the console that contains a text.
    pub async fn notification(&self, part: &str) -> String {
        self.await_lines(part, || self.console().into_iter().find(|line| line.contains(part))).await
    }

    async fn await_lines<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let mut changed = self.stdout.read.clone();
        let waiting = async {
            loop {
                changed.mark_unchanged();
                if let Some(found) = look() {
                    return found;
                }
                // The sender is gone, so the process has ended: nothing more will arrive.
                if changed.changed().await.is_err() {
                    return look().unwrap_or_else(|| {
                        panic!("{} ended without {what}:\n{}", self.program, self.everything())
                    });
                }
            }
        };
        tokio::time::timeout(crate::DEADLINE, waiting)
            .await
            .unwrap_or_else(|_| panic!("{} never logged {what}:\n{}", self.program, self.everything()))
    }

    /// All its output and errors so far.
    pub fn everything(&self) -> String {
        [self.stdout.lines(), self.stderr.lines()].concat().join("\n")
    }

    fn fail_if_ended(&self) {
        assert!(!self.stdout.task.is_finished(), "{} ended:\n{}", self.program, self.everything());
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        let line = self.logged("service_started").first().cloned().expect("it has started");
        line["details"]["port"].as_u64().and_then(|port| port.try_into().ok()).expect("it listens on a port")
    }

    /// Sends a GET.
    pub async fn get(&self, path: &str) -> Answer {
        http::send(self.port(), "GET", path, &[], b"").await
    }

    /// Sends GETs until one gets this status, for example `/readyz` after a change.
    pub async fn until_status(&self, path: &str, status: u16) -> Answer {
        eventually(&format!("{status} for {path}"), async || {
            let answer = self.get(path).await;
            (answer.status == status).then_some(answer)
        })
        .await
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &str) -> Answer {
        http::send(self.port(), "POST", path, &[("Content-Type", "application/json")], body.as_bytes()).await
    }

    /// Waits for its end, and until all its output has been read.
    pub async fn wait(&mut self) -> ExitStatus {
        let status =
            within(&format!("the end of {}", self.program), self.child.wait()).await.expect("a status");
        // Children that inherited the output may live longer than the program.
        let _ = within("the end of what it prints", &mut self.stdout.task).await;
        let _ = within("the end of what it prints", &mut self.stderr.task).await;
        status
    }

    /// Stops it as an operator would, and returns its exit code.
    pub async fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.wait().await.code()
    }

    /// Kills it, like a power cut.
    pub async fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait().await;
    }
}
