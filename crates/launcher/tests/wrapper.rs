//! The wrapper becomes the service: same process, same arguments, same signals, same exit code.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use domain::ServiceName;
use testkit::{Launch, Service, Signal, Stage};

/// A folder with the wrapper, and with programs beside it and on PATH.
struct Installation(tempfile::TempDir);

impl Installation {
    fn new() -> Self {
        let installation = Self(tempfile::tempdir().unwrap());
        for folder in ["bin", "path"] {
            std::fs::create_dir(installation.0.path().join(folder)).unwrap();
        }
        // Another process copies the file: a file that this process had open for writing could be
        // busy when it is executed.
        let wrapper = env!("CARGO_BIN_EXE_restaurant-system");
        run(Command::new("cp").arg(wrapper).arg(installation.folder("bin")));
        installation
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Adds a program to one of the folders.
    fn with_program(self, folder: &str, name: &str, script: &str) -> Self {
        let path = self.folder(folder).join(name);
        let install = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod 755 \"$2\"";
        run(Command::new("sh").args(["-c", install, "sh", script]).arg(path));
        self
    }

    fn wrapper(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.folder("bin").join("restaurant-system"));
        command.args(arguments).env_clear().env("PATH", self.folder("path")).output().unwrap()
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

fn wrapped(stage: &Stage, mode: &str) -> Launch {
    Launch::new("restaurant-system", stage.environment()).arg(format!("--mode={mode}"))
}

/// The program that a process currently runs.
fn program_of(service: &Service) -> PathBuf {
    std::fs::read_link(Path::new("/proc").join(service.pid().to_string()).join("exe")).unwrap()
}

#[tokio::test]
async fn the_process_becomes_the_service_of_every_mode() {
    let stage = Stage::new().await;
    stage.migrate().await;
    for (mode, arguments) in [
        ("order-service", &["--port=0"][..]),
        ("kitchen-worker", &["--worker-name=chef_mario"]),
        ("tracking-service", &["--port=0"]),
        ("notification-subscriber", &[]),
    ] {
        let both_forms = [
            Launch::new("restaurant-system", stage.environment()).arg(format!("--mode={mode}")),
            Launch::new("restaurant-system", stage.environment()).arg("--mode").arg(mode),
        ];
        for launch in both_forms {
            let launch = arguments.iter().fold(launch, |launch, argument| launch.arg(*argument));
            let ready = if mode == "kitchen-worker" { "worker_registered" } else { "service_started" };
            let mut service = launch.ready_when_logged(ready).start().await;
            assert_eq!(service.log(ready).await["service"], mode);
            assert!(program_of(&service).ends_with(mode), "{mode}: {:?}", program_of(&service));
            assert_eq!(service.stop().await, Some(0), "{mode}: the signal reaches the service itself");
        }
    }
}

#[tokio::test]
async fn the_services_own_exit_codes_come_through() {
    let stage = Stage::new().await;
    let usage = wrapped(&stage, "order-service").arg("--port=x").run_to_end().await;
    assert_eq!((usage.code, usage.stderr.contains("order-service: ")), (Some(2), true), "{usage:?}");
    let config = wrapped(&stage, "tracking-service").env("DB_PORT", "x").run_to_end().await;
    assert_eq!((config.code, config.stderr.contains("DB_PORT")), (Some(78), true), "{config:?}");
    let help = wrapped(&stage, "kitchen-worker").arg("--help").run_to_end().await;
    assert_eq!((help.code, help.stdout.contains("--order-types")), (Some(0), true), "{help:?}");

    stage.migrate().await;
    let _first = stage.kitchen_worker("chef_mario").start().await;
    let duplicate = wrapped(&stage, "kitchen-worker").arg("--worker-name=chef_mario").run_to_end().await;
    assert_eq!(duplicate.code, Some(1), "{duplicate:?}");
}

#[tokio::test]
async fn a_signal_that_kills_is_seen_by_the_parent() {
    let stage = Stage::new().await;
    let launch = wrapped(&stage, "tracking-service").arg("--port=0");
    let mut service = launch.ready_when_logged("service_started").start().await;
    service.signal(Signal::KILL);
    assert_eq!(service.wait().await.code(), None, "ended by the signal, not by a code");
}

#[test]
fn arguments_and_exit_code_pass_unchanged() {
    for mode in ServiceName::ALL.map(ServiceName::binary) {
        let script = "printf '<%s>' \"$@\"; echo; exit 37";
        let installation = Installation::new().with_program("bin", mode, script);
        let mode_flag = format!("--mode={mode}");
        let ended = installation.wrapper(&["--first=a b", &mode_flag, "--empty=", "", "*", "--last"]);
        assert_eq!(ended.status.code(), Some(37));
        assert_eq!(text(&ended.stdout), format!("<--first=a b><{mode_flag}><--empty=><><*><--last>"));
    }
}

#[test]
fn the_program_beside_it_comes_before_the_one_on_path() {
    let on_path = Installation::new().with_program("path", "order-service", "echo on PATH");
    let ended = on_path.wrapper(&["--mode=order-service"]);
    assert_eq!((ended.status.code(), text(&ended.stdout)), (Some(0), "on PATH".to_owned()));

    let both = on_path.with_program("bin", "order-service", "echo beside");
    let ended = both.wrapper(&["--mode=order-service"]);
    assert_eq!((ended.status.code(), text(&ended.stdout)), (Some(0), "beside".to_owned()));
}

#[test]
fn a_program_that_is_missing_is_named_with_what_to_do() {
    for mode in ServiceName::ALL.map(ServiceName::binary) {
        let ended = Installation::new().wrapper(&["--mode", mode]);
        assert_eq!((ended.status.code(), text(&ended.stdout)), (Some(1), String::new()));
        let complaint = text(&ended.stderr);
        for part in [&format!("no program '{mode}'"), "PATH", &format!("cargo build -p {mode}")] {
            assert!(complaint.contains(part), "{part}: {complaint}");
        }
    }
}

#[test]
fn a_program_that_cannot_be_started_is_named_with_the_reason() {
    let installation = Installation::new();
    std::fs::write(installation.folder("bin").join("order-service"), "not executable").unwrap();
    let ended = installation.wrapper(&["--mode=order-service"]);
    assert_eq!(ended.status.code(), Some(1));
    let complaint = text(&ended.stderr);
    for part in ["bin/order-service", "cannot be started", "Permission denied"] {
        assert!(complaint.contains(part), "{part}: {complaint}");
    }
}

#[test]
fn help_and_version_are_its_own() {
    let installation = Installation::new();
    for flag in ["--help", "-h"] {
        let ended = installation.wrapper(&[flag]);
        assert_eq!((ended.status.code(), text(&ended.stderr)), (Some(0), String::new()));
        for mode in ServiceName::ALL.map(ServiceName::binary) {
            assert!(text(&ended.stdout).contains(&format!("--mode={mode}")), "{mode}");
        }
    }
    let ended = installation.wrapper(&["--version"]);
    assert_eq!(
        text(&ended.stdout),
        format!("restaurant-system {} ({})", build_info::VERSION, build_info::REVISION)
    );
    assert_eq!(ended.status.code(), Some(0));
}

#[test]
fn an_unknown_mode_is_exit_code_2_and_the_known_ones_are_listed() {
    for arguments in
        [&[][..], &["--mode"], &["--mode="], &["--mode=waiter"], &["order-service"], &["--port=1"]]
    {
        let ended = Installation::new().wrapper(arguments);
        assert_eq!((ended.status.code(), text(&ended.stdout)), (Some(2), String::new()), "{arguments:?}");
        for mode in ServiceName::ALL.map(ServiceName::binary) {
            assert!(text(&ended.stderr).contains(mode), "{arguments:?}: {}", text(&ended.stderr));
        }
    }
}
