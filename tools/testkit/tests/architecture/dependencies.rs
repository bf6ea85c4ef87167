//! Forbidden edges between packages, found by `cargo metadata`. An edge over other packages counts
//! as well.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use domain::ServiceName;
use serde_json::Value;
use testkit::shared_servers::workspace;

/// The services' packages.
fn services() -> [&'static str; ServiceName::ALL.len()] {
    ServiceName::ALL.map(ServiceName::binary)
}

/// Crates that do I/O, wait, log, or depend on the machine.
const IO: &[&str] = &[
    "actix-web",
    "amqprs",
    "db",
    "bus",
    "deadpool-postgres",
    "devcluster",
    "http-service",
    "logging",
    "mio",
    "rand",
    "refinery",
    "runtime",
    "rustix",
    "service",
    "slog",
    "socket2",
    "tempfile",
    "tokio",
    "tokio-postgres",
    "tokio-util",
];

/// Packages and their dependencies, without dev-dependencies.
#[derive(Clone)]
struct Packages {
    built_from: BTreeMap<String, BTreeSet<String>>,
    /// The packages in `tools/`.
    tools: BTreeSet<String>,
}

impl Packages {
    fn of_workspace() -> Self {
        let rustc = output(Command::new("rustc").arg("-vV"));
        let host =
            rustc.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc -vV names the host");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let metadata = output(Command::new(cargo).current_dir(workspace()).args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform",
            host,
        ]));
        let metadata: Value = serde_json::from_str(&metadata).expect("cargo writes JSON");
        let list = |value: &Value| value.as_array().expect("a list").clone();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let names: BTreeMap<String, String> = list(&metadata["packages"])
            .iter()
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let tools = workspace().join("tools");
        let tools = list(&metadata["packages"])
            .iter()
            .filter(|package| Path::new(&text(&package["manifest_path"])).starts_with(&tools))
            .map(|package| text(&package["name"]))
            .collect();
        let mut packages = BTreeMap::<String, BTreeSet<String>>::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let built_from = packages.entry(names[&text(&node["id"])].clone()).or_default();
            for dependency in list(&node["deps"]) {
                if list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev") {
                    built_from.insert(names[&text(&dependency["pkg"])].clone());
                }
            }
        }
        Self { built_from: packages, tools }
    }

    /// The workspace with one more edge.
    fn with_edge(mut self, from: &str, to: &str) -> Self {
        self.built_from.entry(from.to_owned()).or_default().insert(to.to_owned());
        self
    }

    fn direct(&self, package: &str) -> impl Iterator<Item = &str> {
        self.built_from.get(package).into_iter().flatten().map(String::as_str)
    }

    /// All direct and indirect dependencies of a package.
    fn below(&self, package: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<_> = self.direct(package).collect();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(self.direct(next));
            }
        }
        found
    }

    fn violations(&self) -> Vec<String> {
        let mut forbidden: Vec<(&str, &str)> = vec![
            ("db", "bus"),
            ("bus", "db"),
            ("bus", "tokio-postgres"),
            ("db", "amqprs"),
            ("tracking-service", "bus"),
            ("notification-subscriber", "db"),
        ];
        forbidden.extend(IO.iter().map(|io| ("domain", *io)));
        for service in services() {
            let others = services().into_iter().filter(|other| *other != service);
            forbidden.extend(others.map(|other| (service, other)));
        }
        let below = |(from, to): &(&str, &str)| self.below(from).contains(to);
        let mut violations: Vec<_> =
            forbidden.iter().filter(|edge| below(edge)).map(|(from, to)| format!("{from} → {to}")).collect();
        for package in self.built_from.keys() {
            for to in self.direct(package) {
                let allowed = match to {
                    "testkit" => false,
                    tool if self.tools.contains(tool) => self.tools.contains(package),
                    "tokio-postgres" | "amqprs" => !services().contains(&package.as_str()),
                    _ => true,
                };
                if !allowed {
                    violations.push(format!("{package} → {to} directly"));
                }
            }
        }
        violations
    }
}

/// The output of a command that must succeed.
pub fn output(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn no_forbidden_edge_exists() {
    let packages = Packages::of_workspace();
    for known in services().iter().chain(&["domain", "db", "bus", "testkit", "devcluster"]) {
        assert!(packages.built_from.contains_key(*known), "{known} has another name now");
    }
    assert!(packages.tools.contains("testkit") && !packages.tools.contains("db"), "{:?}", packages.tools);
    // The graph is real: edges that must exist do.
    assert!(packages.below("order-service").is_superset(&["db", "bus", "tokio-postgres", "amqprs"].into()));
    assert_eq!(packages.violations(), Vec::<String>::new());
}

#[test]
fn each_forbidden_edge_would_be_seen() {
    let packages = Packages::of_workspace();
    for (from, to, violation) in [
        ("domain", "tokio", "domain → tokio"),
        ("domain", "actix-web", "domain → actix-web"),
        ("bigdecimal", "mio", "domain → mio"),
        ("db", "bus", "db → bus"),
        ("bus", "db", "bus → db"),
        ("runtime", "bus", "db → bus"),
        ("order-service", "kitchen-worker", "order-service → kitchen-worker"),
        ("notification-subscriber", "tracking-service", "notification-subscriber → tracking-service"),
        ("tracking-service", "bus", "tracking-service → bus"),
        ("http-service", "bus", "tracking-service → bus"),
        ("notification-subscriber", "db", "notification-subscriber → db"),
        ("logging", "db", "notification-subscriber → db"),
        ("order-service", "testkit", "order-service → testkit directly"),
        ("restaurant-ctl", "testkit", "restaurant-ctl → testkit directly"),
        ("xtask", "testkit", "xtask → testkit directly"),
        ("restaurant-ctl", "devcluster", "restaurant-ctl → devcluster directly"),
        ("db", "fuzz", "db → fuzz directly"),
        ("order-service", "tokio-postgres", "order-service → tokio-postgres directly"),
        ("kitchen-worker", "amqprs", "kitchen-worker → amqprs directly"),
    ] {
        let violations = packages.clone().with_edge(from, to).violations();
        assert!(violations.iter().any(|found| found == violation), "{from} → {to}: {violations:?}");
    }
}
