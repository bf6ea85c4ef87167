//! Every variable that `deploy/` sets for our services is one that they read.

#![allow(clippy::unwrap_used)] // so does a test fail

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use config::KEYS;
use domain::ServerUser;
use serde::Deserialize as _;
use serde_yaml::Value;

/// Images that are not ours, and have variables of their own.
const SERVERS: [&str; 2] = ["postgres", "rabbitmq"];
/// Named in a manifest for the arguments there, and for no service.
const FOR_ARGUMENTS: [&str; 1] = ["POD_NAME"];

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

fn is_known(variable: &str) -> bool {
    let name = variable.strip_suffix("_FILE").unwrap_or(variable);
    KEYS.iter().any(|key| key.variable == name)
        || FOR_ARGUMENTS.contains(&variable)
        || is_password_of_a_user(name)
}

/// What `restaurant-ctl migrate --roles` and `broker-users` read.
fn is_password_of_a_user(name: &str) -> bool {
    let of = ["_DB_PASSWORD", "_RABBITMQ_PASSWORD"].iter().find_map(|end| name.strip_suffix(end));
    of.is_some_and(|of| ServerUser::ALL.iter().any(|user| user.short_name().to_uppercase() == of))
}

/// The documents of a file, with what their anchors stand for.
fn documents(path: &Path) -> Vec<Value> {
    let text = read_to_string(path).unwrap();
    let documents = serde_yaml::Deserializer::from_str(&text);
    documents
        .map(|document| {
            let mut value = Value::deserialize(document).unwrap();
            value.apply_merge().unwrap();
            value
        })
        .collect()
}

/// The variables that containers of ours get, wherever they stand below this value.
fn variables(value: &Value, found: &mut BTreeSet<String>) {
    let is_a_server = |value: &Value| {
        let image = value.get("image").and_then(Value::as_str).unwrap_or_default();
        SERVERS.contains(&image.split(':').next().unwrap_or_default())
    };
    match value {
        Value::Mapping(entries) if !is_a_server(value) => {
            for (key, below) in entries {
                let names: Vec<&Value> = match (key.as_str(), below) {
                    (Some("environment"), Value::Mapping(set)) => set.keys().collect(),
                    (Some("env"), Value::Sequence(set)) => {
                        set.iter().filter_map(|one| one.get("name")).collect()
                    }
                    (Some("configMapGenerator"), Value::Sequence(maps)) => {
                        let literals = maps.iter().filter_map(|map| map.get("literals")?.as_sequence());
                        literals.flatten().collect()
                    }
                    _ => Vec::new(),
                };
                let name = |value: &Value| Some(value.as_str()?.split('=').next()?.to_owned());
                found.extend(names.into_iter().filter_map(name));
                variables(below, found);
            }
        }
        Value::Sequence(values) => values.iter().for_each(|value| variables(value, found)),
        _ => {}
    }
}

/// Every YAML file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn every_variable_of_the_manifests_is_in_the_table() {
    let mut paths = Vec::new();
    files(&deploy(), &mut paths);
    let mut all = BTreeSet::new();
    for path in paths {
        let mut found = BTreeSet::new();
        for document in documents(&path) {
            variables(&document, &mut found);
        }
        let unknown: Vec<_> = found.iter().filter(|variable| !is_known(variable)).collect();
        assert!(unknown.is_empty(), "{}: no service reads {unknown:?}", path.display());
        all.extend(found);
    }
    // They were found at all: in Compose's file, in a ConfigMap, and in pods.
    for known in ["DB_HOST", "DB_PASSWORD_FILE", "RABBITMQ_PASSWORD_FILE", "HTTP_ALLOWED_HOSTS", "POD_NAME"] {
        assert!(all.contains(known), "{known}: {all:?}");
    }
}

#[test]
fn every_variable_of_the_images_is_in_the_table() {
    let dockerfile = read_to_string(deploy().join("docker/Dockerfile")).unwrap();
    // The stages before it only build.
    let (_, images) = dockerfile.split_once(" AS runtime").unwrap();
    let set = images.lines().filter_map(|line| line.strip_prefix("ENV ")).flat_map(str::split_whitespace);
    let set: Vec<_> = set.filter_map(|pair| pair.split('=').next()).collect();
    assert!(set.contains(&"HTTP_BIND") && set.iter().all(|variable| is_known(variable)), "{set:?}");
}

#[test]
fn an_unknown_variable_would_be_seen() {
    for text in [
        "services: { order: { image: ours, environment: { DB_HOSTS: x } } }",
        "spec: { containers: [{ image: ours, env: [{ name: DB_HOSTS, value: x }] }] }",
        "configMapGenerator: [{ name: c, literals: [DB_HOSTS=x] }]",
    ] {
        let mut found = BTreeSet::new();
        variables(&serde_yaml::from_str(text).unwrap(), &mut found);
        assert!(found.contains("DB_HOSTS") && !is_known("DB_HOSTS"), "{text}: {found:?}");
    }
    let mut found = BTreeSet::new();
    let server = "services: { db: { image: 'postgres:15', environment: { POSTGRES_DB: x } } }";
    variables(&serde_yaml::from_str(server).unwrap(), &mut found);
    assert!(found.is_empty(), "{found:?}");
}
