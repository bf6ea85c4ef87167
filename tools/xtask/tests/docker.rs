//! `up` with servers from Docker, tested without an engine: a fake `docker` command records its
//! calls.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(30);

/// Records its arguments. It pretends to have an engine and no container. A command that the test
/// has selected never ends.
const DOCKER: &str = "#!/bin/sh
echo \"$*\" >> calls
case \"$*\" in
    info*) echo 27.0 ;;
    *\" $SLOW \"*) exec sleep 60 ;;
esac
";

/// A folder with a compose file and the fake `docker`.
struct Workspace(TempDir);

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("deploy/docker")).unwrap();
        std::fs::write(folder.path().join("deploy/docker/compose.yaml"), "").unwrap();
        let docker = folder.path().join("docker");
        // Another process writes the file: one that this process writes, and that a neighbouring
        // test's child shares for a moment, cannot be executed.
        let mut writing = Command::new("sh");
        writing.args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""]).arg(&docker).arg(DOCKER);
        assert!(writing.status().unwrap().success());
        Self(folder)
    }

    fn command(&self, arguments: &[&str], slow: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        let path = format!("{}:{}", self.0.path().display(), std::env::var("PATH").unwrap());
        let nobody = devcluster::free_port(0).unwrap().to_string();
        command.args(arguments).current_dir(self.0.path()).env("PATH", path).env("SLOW", slow);
        command.env("DB_PORT", &nobody).env("RABBITMQ_PORT", &nobody).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn up(&self, slow: &str) -> Child {
        self.command(&["up", "--no-build"], slow).spawn().unwrap()
    }

    fn calls(&self) -> String {
        std::fs::read_to_string(self.0.path().join("calls")).unwrap_or_default()
    }

    fn until_asked(&self, what: &str) {
        let start = Instant::now();
        while !self.calls().contains(what) {
            assert!(start.elapsed() < LIMIT, "docker was never asked to '{what}':\n{}", self.calls());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn mark(&self) -> PathBuf {
        self.0.path().join(".local/docker")
    }
}

fn interrupt(up: &Child) {
    kill_process(Pid::from_raw(i32::try_from(up.id()).unwrap()).unwrap(), Signal::INT).unwrap();
}

#[test]
fn containers_are_stopped_although_it_was_interrupted_while_they_started() {
    let workspace = Workspace::new();
    let mut up = workspace.up("up");
    workspace.until_asked(" up --detach --wait postgres rabbitmq");
    interrupt(&up);
    assert_eq!(up.wait().unwrap().code(), Some(1));
    workspace.until_asked(" stop postgres rabbitmq");

    // Its own project, and always the same one: another deployment from the same file is not
    // touched.
    let project = std::fs::read_to_string(workspace.mark()).unwrap();
    assert!(project.starts_with("restaurant-up-"), "{project}");
    let ours = format!(" --project-name {project} ");
    assert!(workspace.calls().lines().all(|call| call.starts_with("info") || call.contains(&ours)));
    assert!(workspace.command(&["reset", "--yes"], "").status().unwrap().success());
    workspace.until_asked(&format!("{ours}down --volumes"));
    assert!(!workspace.mark().exists());
}

#[test]
fn containers_that_do_not_say_where_they_listen_are_stopped() {
    let workspace = Workspace::new();
    let mut up = workspace.up("");
    workspace.until_asked(" port postgres 5432");
    workspace.until_asked(" stop postgres rabbitmq");
    interrupt(&up);
    interrupt(&up);
    up.wait().unwrap();
}

#[test]
fn a_second_interruption_ends_containers_at_once() {
    let workspace = Workspace::new();
    let mut up = workspace.up("stop");
    // It gives up on the containers and stops them, which takes long.
    workspace.until_asked(" stop postgres rabbitmq");
    interrupt(&up);
    // Two signals that arrive while it is not running count as one, so repeat them.
    let start = Instant::now();
    let ended = loop {
        std::thread::sleep(Duration::from_millis(500));
        if let Some(ended) = up.try_wait().unwrap() {
            break ended;
        }
        assert!(start.elapsed() < LIMIT, "still there after many interruptions");
        interrupt(&up);
    };
    assert_eq!(ended.code(), Some(1));
    workspace.until_asked(" kill postgres rabbitmq");
}
