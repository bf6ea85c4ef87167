//! What others make of the descriptions: requests by Schemathesis, which finds nothing, and clients
//! for Python and TypeScript, which place, track and cancel an order.

use std::path::{Path, PathBuf};
use std::time::Duration;

use devcluster::{NpmPackages, PythonPackages, project, tool};
use serde_json::json;
use testkit::Service;
use tokio::process::Command;

use crate::description::Description;
use crate::scene::{AUTHORIZATION, Scene};

const GENERATING_LIMIT: Duration = Duration::from_mins(2);
const TRYING_LIMIT: Duration = Duration::from_mins(8);

/// Wrong keys are slowed down, whoever sends them. So whoever tries to sign in with many of them
/// does that alone: elsewhere a wrong key must be refused as one.
const NO_SIGNING_IN: &str = "--exclude-operation-id=sign_in";
const SIGNING_IN: &str = "--include-operation-id=sign_in";

fn sources(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(language)
}

fn tell(line: &str) {
    eprintln!("{line}");
}

async fn python() -> PythonPackages {
    let (pins, folder) = (sources("python").join("requirements.txt"), project::tools().join("python"));
    let packages = PythonPackages::ensure(&pins, &folder, &project::packages(), &tell).await;
    packages.unwrap_or_else(|why| panic!("{why}"))
}

async fn npm() -> NpmPackages {
    let (sources, folder) = (sources("typescript"), project::tools().join("npm"));
    let packages = NpmPackages::ensure(&sources, &folder, &python().await, &tell).await;
    packages.unwrap_or_else(|why| panic!("{why}"))
}

async fn run(command: Command, limit: Duration) -> String {
    tool::run(command, limit).await.unwrap_or_else(|why| panic!("{why}"))
}

fn url(service: &Service) -> String {
    format!("http://127.0.0.1:{}", service.port())
}

/// Writes the descriptions of the order service and of the tracking service into a folder.
async fn descriptions(scene: &Scene) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, service) in [("order", &scene.free), ("tracking", &scene.tracking)] {
        let Description(mut description) = Description::of(service).await;
        // Generators know addresses only. Clients get theirs from the test.
        description["servers"] = json!([{ "url": url(service) }]);
        std::fs::write(folder.path().join(format!("{name}.json")), description.to_string()).unwrap();
    }
    folder
}

#[tokio::test]
async fn a_generated_python_client_places_tracks_and_cancels_an_order() {
    let (scene, python) = (Scene::open().await, python().await);
    let folder = descriptions(&scene).await;
    for name in ["order", "tracking"] {
        let mut generating = python.command("openapi-python-client");
        generating.args(["generate", "--meta", "none", "--fail-on-warning", "--config"]);
        generating.arg(sources("python").join("generator.yaml"));
        generating.arg("--path").arg(folder.path().join(format!("{name}.json")));
        generating.arg("--output-path").arg(folder.path().join(format!("{name}_client")));
        run(generating, GENERATING_LIMIT).await;
    }
    let mut guest = python.command("python");
    guest.arg(sources("python").join("place_track_cancel.py")).arg(folder.path());
    guest.args([url(&scene.free), url(&scene.tracking)]);
    let printed = run(guest, GENERATING_LIMIT).await;
    assert!(printed.starts_with("ORD_"), "{printed}");
}

#[tokio::test]
async fn a_generated_typescript_client_places_tracks_and_cancels_an_order() {
    let (scene, npm) = (Scene::open().await, npm().await);
    let folder = descriptions(&scene).await;
    for name in ["order", "tracking"] {
        let mut generating = npm.command("openapi-typescript");
        generating.arg(folder.path().join(format!("{name}.json")));
        generating.arg("--output").arg(folder.path().join(format!("{name}.ts")));
        run(generating, GENERATING_LIMIT).await;
    }
    for name in ["package.json", "tsconfig.json", "place-track-cancel.ts"] {
        std::fs::copy(sources("typescript").join(name), folder.path().join(name)).unwrap();
    }
    std::os::unix::fs::symlink(npm.modules(), folder.path().join("node_modules")).unwrap();
    let mut compiling = npm.command("tsc");
    compiling.current_dir(folder.path()).args(["--project", "tsconfig.json"]);
    run(compiling, GENERATING_LIMIT).await;
    let mut guest = npm.node();
    guest.arg(folder.path().join("built/place-track-cancel.js"));
    guest.args([url(&scene.free), url(&scene.tracking)]);
    let printed = run(guest, GENERATING_LIMIT).await;
    assert!(printed.starts_with("ORD_"), "{printed}");
}

/// What Schemathesis is told of orders, and in which folder it runs.
struct Trying {
    folder: tempfile::TempDir,
    python: PythonPackages,
}

impl Trying {
    /// With an order that the kitchen has, and one that is ready.
    async fn of(scene: &Scene) -> Self {
        let (folder, python) = (tempfile::tempdir().unwrap(), python().await);
        let (order, ready) = (scene.prepare().await, scene.prepare().await);
        for number in [&order, &ready] {
            scene.until_ticket(number).await;
        }
        for step in ["start", "ready"] {
            let answer = scene.staff(&scene.kitchen, "POST", &format!("/tickets/{ready}/{step}"), "").await;
            assert_eq!(answer.status, 200, "{step}: {answer:?}");
        }
        for (name, number) in [("order.txt", order), ("ready-order.txt", ready)] {
            std::fs::write(folder.path().join(name), format!("\"{number}\"\n")).unwrap();
        }
        let config = "schemathesis.toml";
        std::fs::copy(sources("python").join(config), folder.path().join(config)).unwrap();
        Self { folder, python }
    }

    /// Requests that fit the description, and requests that do not, to the selected operations.
    async fn finds_nothing(&self, service: &Service, selected: &[&str]) {
        let mut trying = self.python.command("schemathesis");
        // There it looks for its configuration, and keeps what it found.
        trying.current_dir(self.folder.path());
        trying.args(["--no-color", "run", &format!("{}/openapi.json", url(service))]);
        trying.args(["--url", &url(service), "--header", &format!("Authorization: {AUTHORIZATION}")]);
        trying.args(selected);
        let output = tokio::time::timeout(TRYING_LIMIT, trying.kill_on_drop(true).output()).await;
        let output = output.expect("it ends in time").expect("it starts");
        let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        assert!(output.status.success(), "{stdout}\n{stderr}");
    }
}

#[tokio::test]
async fn schemathesis_finds_nothing_in_the_order_service() {
    let scene = Scene::open().await;
    let trying = Trying::of(&scene).await;
    // A pause would turn all orders away.
    let alone = ["--exclude-operation-id=pause_intake", NO_SIGNING_IN];
    trying.finds_nothing(&scene.order, &alone).await;
    trying.finds_nothing(&scene.order, &["--include-operation-id=pause_intake"]).await;
    trying.finds_nothing(&scene.order, &[SIGNING_IN]).await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_in_the_tracking_service() {
    let scene = Scene::open().await;
    Trying::of(&scene).await.finds_nothing(&scene.tracking, &[]).await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_in_a_manual_worker() {
    let scene = Scene::open().await;
    let trying = Trying::of(&scene).await;
    trying.finds_nothing(&scene.kitchen, &[NO_SIGNING_IN]).await;
    trying.finds_nothing(&scene.kitchen, &[SIGNING_IN]).await;
}
