//! `cargo xtask up` builds xtask first, then the services. A dependency of both is compiled once
//! only if both ask for the same features of it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use testkit::shared_servers::workspace;

use crate::dependencies::output;

/// The features of each dependency, by its name and version. One that is built for the machine and
/// for macros may have two sets.
type Features = BTreeMap<String, BTreeSet<String>>;

/// Reads lines such as `mio v1.2.4|log,net`.
fn features(tree: &str) -> Features {
    let mut features = Features::new();
    for line in tree.lines().filter_map(|line| line.split_once('|')) {
        let (package, set) = line;
        let package = package.replace(" (proc-macro)", "");
        features.entry(package).or_default().insert(set.trim_end_matches(" (*)").to_owned());
    }
    features
}

/// What is built for a package, or for all that ships.
fn built_for(package: Option<&str>) -> Features {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--offline", "--edges=normal,build", "--format={p}|{f}"]);
    cargo.args(["--prefix=none", "--no-dedupe"]).current_dir(workspace());
    if let Some(package) = package {
        cargo.args(["--package", package]);
    }
    features(&output(&mut cargo))
}

/// What both build, with features that the services do not ask for.
fn built_twice(tool: &Features, ships: &Features) -> Vec<String> {
    let shared = tool.iter().filter_map(|(package, of_tool)| Some((package, of_tool, ships.get(package)?)));
    let differing = shared.filter(|(_, of_tool, of_services)| !of_tool.is_subset(of_services));
    differing.map(|(package, ours, theirs)| format!("{package}: {ours:?}, services {theirs:?}")).collect()
}

#[test]
fn xtask_and_the_services_share_what_is_compiled() {
    let (tool, ships) = (built_for(Some("xtask")), built_for(None));
    assert!(tool.keys().filter(|package| ships.contains_key(*package)).count() > 50, "{tool:?}");
    let twice = built_twice(&tool, &ships);
    assert!(twice.is_empty(), "name these features in tools/xtask/Cargo.toml:\n{}", twice.join("\n"));
}

#[test]
fn features_that_differ_would_be_seen() {
    let services = features("mio v1|log,net\nserde v1|std\nserde v1|derive,std (*)\n");
    assert_eq!(built_twice(&features("serde v1|derive,std\nrand v1|std\n"), &services), [""; 0]);
    let twice = built_twice(&features("mio v1|net\n"), &services);
    assert!(twice.len() == 1 && twice[0].starts_with("mio v1: "), "{twice:?}");
}
