//! Which package may depend on which, by `cargo metadata`. `deny.toml` says who may use what; here
//! that is checked without cargo-deny, and what it cannot say is added.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::shared_servers::workspace;

/// Crates that read, write, talk, wait, log, or ask the machine for something.
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
    "tls",
    "tokio",
    "tokio-postgres",
    "tokio-util",
];

/// Packages and what each is built from; dev-dependencies are not part of it.
#[derive(Clone)]
struct Packages {
    built_from: BTreeMap<String, BTreeSet<String>>,
    /// The folder of each package of the workspace: `crates`, `services` or `tools`.
    folders: BTreeMap<String, String>,
}

/// An entry of `deny.toml`: the crate, and all that may name it in `[dependencies]`.
struct Rule {
    used: String,
    users: Vec<String>,
}

/// The entries of `bans.deny`, one a line, such as `{ crate = "amqprs", wrappers = ["bus"] },`.
fn rules(deny_toml: &str) -> Vec<Rule> {
    let entries = deny_toml.lines().filter_map(|line| line.trim().strip_prefix("{ crate = "));
    let rule = |entry: &str| {
        let mut names = entry.split('"').skip(1).step_by(2).map(str::to_owned);
        Rule { used: names.next().expect("a crate"), users: names.collect() }
    };
    entries.map(rule).collect()
}

fn real_rules() -> Vec<Rule> {
    rules(&std::fs::read_to_string(workspace().join("deny.toml")).unwrap())
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
        let root = workspace();
        let folder = |package: &Value| {
            let manifest = text(&package["manifest_path"]);
            let below = Path::new(&manifest).strip_prefix(&root).ok()?.to_str()?.split_once('/')?.0;
            Some((text(&package["name"]), below.to_owned()))
        };
        let folders = list(&metadata["packages"]).iter().filter_map(folder).collect();
        let mut packages = BTreeMap::<String, BTreeSet<String>>::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let built_from = packages.entry(names[&text(&node["id"])].clone()).or_default();
            for dependency in list(&node["deps"]) {
                if list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev") {
                    built_from.insert(names[&text(&dependency["pkg"])].clone());
                }
            }
        }
        Self { built_from: packages, folders }
    }

    /// The workspace with one more edge.
    fn with_edge(mut self, from: &str, to: &str) -> Self {
        self.built_from.entry(from.to_owned()).or_default().insert(to.to_owned());
        self
    }

    fn direct(&self, package: &str) -> impl Iterator<Item = &str> {
        self.built_from.get(package).into_iter().flatten().map(String::as_str)
    }

    /// Everything that a package is built from, over any number of others.
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

    fn is_in(&self, package: &str, folder: &str) -> bool {
        self.folders.get(package).is_some_and(|found| found == folder)
    }

    fn violations(&self, rules: &[Rule]) -> Vec<String> {
        let mut violations = Vec::new();
        for io in IO.iter().filter(|io| self.below("domain").contains(*io)) {
            violations.push(format!("domain → {io}"));
        }
        for from in self.built_from.keys() {
            for to in self.direct(from) {
                let mut users = rules.iter().filter(|rule| rule.used == to).map(|rule| &rule.users);
                let is_allowed = match to {
                    "testkit" => false,
                    tool if self.is_in(tool, "tools") => self.is_in(from, "tools"),
                    service if self.is_in(service, "services") => false,
                    _ => users.all(|users| users.contains(from)),
                };
                if !is_allowed {
                    violations.push(format!("{from} → {to}"));
                }
            }
        }
        violations
    }
}

/// What a command that must succeed prints.
pub fn output(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn no_forbidden_edge_exists() {
    let (packages, rules) = (Packages::of_workspace(), real_rules());
    // The graph is the real one: edges that must be there are.
    assert!(packages.below("order-service").is_superset(&["db", "bus", "tokio-postgres", "amqprs"].into()));
    for (package, folder) in [("testkit", "tools"), ("db", "crates"), ("order-service", "services")] {
        assert!(packages.is_in(package, folder), "{package}: {:?}", packages.folders);
    }
    assert_eq!(packages.violations(&rules), Vec::<String>::new());
}

#[test]
fn deny_toml_names_nobody_who_needs_nothing() {
    let (packages, rules) = (Packages::of_workspace(), real_rules());
    for known in ["tokio-postgres", "deadpool-postgres", "amqprs", "actix-web", "db", "bus", "devcluster"] {
        assert!(rules.iter().any(|rule| rule.used == known), "deny.toml says nothing of {known}");
    }
    for Rule { used, users } in rules {
        for user in &users {
            assert!(
                packages.direct(user).any(|found| found == used),
                "deny.toml: {user} does not use {used}"
            );
        }
    }
}

#[test]
fn each_forbidden_edge_would_be_seen() {
    let (packages, rules) = (Packages::of_workspace(), real_rules());
    for (from, to, violation) in [
        ("domain", "tokio", "domain → tokio"),
        ("bigdecimal", "mio", "domain → mio"),
        ("bus", "db", "bus → db"),
        ("db", "bus", "db → bus"),
        ("tracking-service", "bus", "tracking-service → bus"),
        ("http-service", "bus", "http-service → bus"),
        ("notification-subscriber", "db", "notification-subscriber → db"),
        ("order-service", "tokio-postgres", "order-service → tokio-postgres"),
        ("bench", "deadpool-postgres", "bench → deadpool-postgres"),
        ("kitchen-worker", "amqprs", "kitchen-worker → amqprs"),
        ("notification-subscriber", "actix-web", "notification-subscriber → actix-web"),
        ("order-service", "kitchen-worker", "order-service → kitchen-worker"),
        ("order-service", "testkit", "order-service → testkit"),
        ("xtask", "testkit", "xtask → testkit"),
        ("restaurant-ctl", "devcluster", "restaurant-ctl → devcluster"),
        ("db", "fuzz", "db → fuzz"),
    ] {
        let violations = packages.clone().with_edge(from, to).violations(&rules);
        assert!(violations.iter().any(|found| found == violation), "{from} → {to}: {violations:?}");
    }
}
