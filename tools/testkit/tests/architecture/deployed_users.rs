//! What is shipped gives each service users and secrets of its own. `deploy/check` looks deeper,
//! and needs Python.

use std::collections::BTreeSet;
use std::fs;

use domain::{ServerUser, ServiceName};
use testkit::shared_servers::workspace;

/// The database of Compose and of the base, after which users are named.
const DATABASE: &str = "restaurant_db";
/// The owner of the tables, and the administrator of RabbitMQ.
const OWNER: &str = "restaurant_user";

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join("deploy").join(path)).unwrap()
}

/// The values of a variable, wherever a manifest sets it.
fn values(manifest: &str, variable: &str) -> BTreeSet<String> {
    let compose = format!("{variable}: ");
    let kubernetes = format!("- {{ name: {variable}, value: ");
    let of_line = |line: &str| {
        let line = line.trim();
        let value = line.strip_prefix(&compose).or_else(|| line.strip_prefix(&kubernetes))?;
        Some(value.trim_end_matches('}').trim().to_owned())
    };
    manifest.lines().filter_map(of_line).collect()
}

fn user(of: impl Into<ServerUser>) -> String {
    format!("{DATABASE}_{}", of.into().short_name())
}

fn users(of: &[ServerUser]) -> BTreeSet<String> {
    of.iter().map(|of| user(*of)).chain([OWNER.to_owned()]).collect()
}

/// Those of the database, without the one for names, which has a variable of its own.
fn of_database() -> BTreeSet<String> {
    let [order, kitchen, tracking] =
        [ServiceName::Order, ServiceName::Kitchen, ServiceName::Tracking].map(Into::into);
    users(&[order, kitchen, tracking, ServerUser::Exporter])
}

fn of_broker() -> BTreeSet<String> {
    let [order, kitchen, notifier] =
        [ServiceName::Order, ServiceName::Kitchen, ServiceName::Notifier].map(Into::into);
    users(&[order, kitchen, notifier, ServerUser::Exporter])
}

#[test]
fn each_service_has_users_of_its_own_in_compose() {
    let compose = read("docker/compose.yaml");
    assert_eq!(values(&compose, "DB_USER"), of_database());
    assert_eq!(values(&compose, "RABBITMQ_USER"), of_broker());
    assert_eq!(values(&compose, "DB_STAFF_USER"), [user(ServerUser::TrackingStaff)].into());
    assert_eq!(compose.matches(&format!("DB_USER: {OWNER}")).count(), 1, "only 'migrate' is the owner");
}

#[test]
fn each_service_has_users_of_its_own_in_kubernetes() {
    for service in ServiceName::ALL {
        let manifest = read(&format!("kubernetes/base/{service}.yaml"));
        let own: BTreeSet<String> = [user(service)].into();
        for variable in ["DB_USER", "RABBITMQ_USER"] {
            let found = values(&manifest, variable);
            assert!(found.is_empty() || found == own, "{service}: {variable} is {found:?}");
        }
        assert!(manifest.contains(&format!("secretName: {service}")), "{service} has a Secret of its own");
        assert!(!manifest.contains(OWNER), "{service} is the owner");
    }
}

/// What removes orders every night is not the owner of the tables, and says no age by itself.
#[test]
fn prune_has_a_role_and_a_secret_of_its_own() {
    let manifest = read("kubernetes/components/prune/prune.yaml");
    assert_eq!(values(&manifest, "DB_USER"), [user(ServerUser::Pruner)].into());
    assert!(manifest.contains("secretName: prune") && !manifest.contains(OWNER), "{manifest}");
    assert!(!manifest.contains("--older-than"), "its overlay says how old");
    let overlay = read("kubernetes/overlays/production/kustomization.yaml");
    assert_eq!(overlay.matches("--older-than=").count(), 1, "{overlay}");
}

#[test]
fn every_secret_of_compose_is_made() {
    let (compose, script) = (read("docker/compose.yaml"), read("docker/make-secrets"));
    let files = compose.lines().filter_map(|line| line.split_once("./secrets}/")?.1.split('"').next());
    let files: Vec<&str> = files.collect();
    assert!(files.len() > 10, "{files:?}");
    let words: BTreeSet<&str> = script.split([' ', '\n', '"', '\\']).collect();
    for file in files {
        // A certificate is made by the name of its server.
        let server = file.strip_suffix("_key.pem").or_else(|| file.strip_suffix(".pem"));
        let is_made = words.contains(file) || server.is_some_and(|server| words.contains(server));
        assert!(is_made, "deploy/docker/make-secrets does not make {file}");
    }
}

#[test]
fn images_are_named_by_digest_and_have_no_shell() {
    let dockerfile = read("docker/Dockerfile");
    let bases = dockerfile.lines().filter(|line| line.starts_with("FROM ") && line.contains(['/', ':']));
    for base in bases {
        assert!(base.contains("_DIGEST}"), "{base}");
    }
    let (_, runtime) = dockerfile.split_once(" AS runtime\n").expect("the stage that runs");
    assert!(dockerfile.contains("gcr.io/distroless/") && dockerfile.contains("cargo auditable build"));
    assert!(runtime.contains("\nUSER 65532:65532\n"));
    assert!(!runtime.lines().any(|line| line.starts_with("RUN ")), "nothing can be run without a shell");
}

#[test]
fn a_user_of_another_would_be_seen() {
    let manifest = "          env:\n            - { name: DB_USER, value: restaurant_db_order }\n";
    assert_eq!(values(manifest, "DB_USER"), [user(ServiceName::Order)].into());
    assert_eq!(values("      DB_USER: restaurant_user\n", "DB_USER"), [OWNER.to_owned()].into());
    assert_ne!(values(manifest, "DB_USER"), [user(ServiceName::Kitchen)].into());
}
