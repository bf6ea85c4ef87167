//! `broker-users`: every service gets a user of its own on RabbitMQ.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use bus::permissions;
use devcluster::RabbitmqTls;
use domain::ServerUser;
use serde_json::Value;
use testkit::{Authority, Launch, Stage};

const PASSWORD: &str = r#"a "password" with % and \ in it"#;

fn command(stage: &Stage, password: &str) -> Launch {
    at_port(stage, stage.servers.management_port, password)
}

fn at_port(stage: &Stage, port: u16, password: &str) -> Launch {
    let launch = Launch::new("restaurant-ctl", stage.environment()).arg("broker-users");
    launch
        .arg(format!("--management-port={port}"))
        .env("ORDER_RABBITMQ_PASSWORD", password)
        .env("KITCHEN_RABBITMQ_PASSWORD", password)
        .env("NOTIFIER_RABBITMQ_PASSWORD", password)
        .env("EXPORTER_RABBITMQ_PASSWORD", password)
}

fn users(stage: &Stage) -> Vec<(ServerUser, String)> {
    let uses_it = ServerUser::ALL.into_iter().filter(|user| permissions::of(*user).is_some());
    uses_it.map(|user| (user, format!("{}_{}", stage.name, user.short_name()))).collect()
}

async fn ask(stage: &Stage, path: &str) -> Value {
    let answer = stage.servers.rabbitmq_admin().request("GET", path, None).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn every_service_gets_its_user_with_its_permissions_and_a_new_password() {
    let stage = Stage::new().await;
    for password in ["a first one", PASSWORD] {
        let ended = command(&stage, password).run_to_end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.stdout.contains(password) && !ended.stderr.contains(password), "{ended:?}");
    }
    for (of, user) in users(&stage) {
        let rights = permissions::of(of).unwrap();
        let found = ask(&stage, &format!("/api/permissions/{}/{user}", stage.name)).await;
        for (right, expected) in
            [("configure", rights.configure), ("write", rights.write), ("read", rights.read)]
        {
            assert_eq!(found[right], expected.as_str(), "{user}: {right}");
        }
        let tags = ask(&stage, &format!("/api/users/{user}")).await["tags"].to_string();
        assert_eq!(tags.contains("monitoring"), of == ServerUser::Exporter, "{user}: {tags}");
        assert!(!tags.contains("administrator"), "{user}: {tags}");
    }
    // The second password counts: a service logs in with it.
    let own = format!("{}_order", stage.name);
    let launch = stage.order_service().env("RABBITMQ_USER", own).env("RABBITMQ_PASSWORD", PASSWORD);
    let mut orders = launch.start().await;
    orders.declared_all().await;
    assert_eq!(orders.stop().await, Some(0));
    for (_, user) in users(&stage) {
        let path = format!("/api/users/{user}");
        stage.servers.rabbitmq_admin().request("DELETE", &path, None).await.unwrap();
    }
}

/// A misspelt name would make one that no service uses.
#[tokio::test]
async fn a_virtual_host_that_was_not_there_is_told_of() {
    let stage = Stage::new().await;
    let vhost = format!("{}_misspelt", stage.name);
    let told = format!("Virtual host {vhost} was made.");
    let launch = command(&stage, PASSWORD).env("RABBITMQ_VHOST", &vhost);
    for is_new in [true, false] {
        let ended = launch.run_to_end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stdout.contains(&told), is_new, "{ended:?}");
    }
    ask(&stage, &format!("/api/vhosts/{vhost}")).await;
    let made = users(&stage).into_iter().map(|(_, user)| format!("/api/users/{user}"));
    for path in made.chain([format!("/api/vhosts/{vhost}")]) {
        stage.servers.rabbitmq_admin().request("DELETE", &path, None).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named() {
    let stage = Stage::new().await;
    let ended = command(&stage, PASSWORD).without_env("EXPORTER_").without_env("KITCHEN_").run_to_end().await;
    assert_eq!(ended.code, Some(78), "{ended:?}");
    for variable in ["KITCHEN_RABBITMQ_PASSWORD", "EXPORTER_RABBITMQ_PASSWORD"] {
        assert!(ended.stderr.contains(variable), "{ended:?}");
    }
    let ended = command(&stage, PASSWORD).env("RABBITMQ_PASSWORD", "wrong").run_to_end().await;
    assert!(ended.code == Some(1) && ended.stderr.contains("is an administrator"), "{ended:?}");
    let closed = devcluster::free_port(0).unwrap();
    let ended = at_port(&stage, closed, PASSWORD).arg("--wait=0").run_to_end().await;
    assert!(ended.code == Some(1) && ended.stderr.contains("cannot be reached at"), "{ended:?}");
    assert!(!ended.stderr.contains("without encryption"), "it is this machine: {ended:?}");
}

#[tokio::test]
async fn passwords_that_go_over_a_network_are_warned_of() {
    let stage = Stage::new().await;
    let launch = command(&stage, PASSWORD).env("RABBITMQ_HOST", "nowhere.invalid").arg("--wait=0");
    let ended = launch.run_to_end().await;
    let warning = "go to nowhere.invalid, port ";
    assert!(ended.code == Some(1) && ended.stderr.contains(warning), "{ended:?}");
    assert!(!ended.stderr.contains(PASSWORD), "{ended:?}");
}

/// The plugin over TLS, as the settings of AMQP want it: `host` is in the certificate.
fn over_tls(stage: &Stage, port: u16, mode: &str, authority: Option<&Authority>) -> Launch {
    let launch = at_port(stage, port, PASSWORD).arg("--wait=0").env("RABBITMQ_TLS", mode);
    let ca = authority.map(|authority| authority.file().to_str().unwrap().to_owned());
    launch.env("RABBITMQ_HOST", "localhost").env("RABBITMQ_TLS_CA", ca.unwrap_or_default())
}

/// It ended with nothing made, and says all of this.
async fn refused(launch: &Launch, parts: &[&str]) {
    let ended = launch.run_to_end().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    for part in parts {
        assert!(ended.stderr.contains(part), "no '{part}': {ended:?}");
    }
    assert!(!ended.stderr.contains(PASSWORD), "{ended:?}");
}

#[tokio::test]
async fn over_tls_the_plugin_is_who_its_certificate_says() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mut stage = Stage::with_own_servers().await;
    let certificate = authority.server(&["localhost"]).for_server(None);
    let tls = RabbitmqTls { certificate, demands_certificate: false };
    let broker = &mut stage.own_servers().rabbitmq;
    broker.restart_with_tls(Some(tls)).await.unwrap();
    let (encrypted, plain) = (broker.management_tls_port(), broker.management_port());

    for (mode, authority) in
        [("verify-full", Some(&authority)), ("require", Some(&authority)), ("require", None)]
    {
        let ended = over_tls(&stage, encrypted, mode, authority).run_to_end().await;
        assert_eq!(ended.code, Some(0), "{mode}: {ended:?}");
        assert_eq!(ended.stderr, "", "nothing goes without encryption: {ended:?}");
    }
    let (_, user) = users(&stage).remove(0);
    let found = ask(&stage, &format!("/api/permissions/{}/{user}", stage.name)).await;
    assert_eq!(found["user"], user.as_str());

    let verified = over_tls(&stage, encrypted, "verify-full", Some(&authority));
    let by_address = verified.clone().env("RABBITMQ_HOST", "127.0.0.1");
    refused(&by_address, &["not for 127.0.0.1, but for localhost", "RABBITMQ_HOST"]).await;
    let unknown = over_tls(&stage, encrypted, "verify-full", Some(&stranger));
    refused(&unknown, &["not trusted here", "RABBITMQ_TLS_CA"]).await;
    let missing = verified.clone().env("RABBITMQ_TLS_CA", "/nowhere/ca.pem");
    refused(&missing, &["rabbitmq.tls_ca (RABBITMQ_TLS_CA)", "/nowhere/ca.pem"]).await;

    // To each other's port.
    let to_plain = over_tls(&stage, plain, "verify-full", Some(&authority));
    refused(&to_plain, &["does not speak TLS there", "--management-port"]).await;
    let to_encrypted = over_tls(&stage, encrypted, "disable", None);
    refused(&to_encrypted, &["speaks only TLS there", "rabbitmq.tls (RABBITMQ_TLS)"]).await;
}

#[tokio::test]
async fn a_plugin_that_demands_a_certificate_is_shown_one() {
    let authority = Authority::new();
    let mut stage = Stage::with_own_servers().await;
    let certificate = authority.server(&["localhost"]).for_server(Some(&authority));
    let tls = RabbitmqTls { certificate, demands_certificate: true };
    let broker = &mut stage.own_servers().rabbitmq;
    broker.restart_with_tls(Some(tls)).await.unwrap();
    let port = broker.management_tls_port();
    let without = over_tls(&stage, port, "verify-full", Some(&authority));
    refused(&without, &["demands a certificate", "RABBITMQ_TLS_CERT"]).await;
    let own = authority.client("an administrator");
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let with =
        without.env("RABBITMQ_TLS_CERT", path(&own.certificate)).env("RABBITMQ_TLS_KEY", path(&own.key));
    let ended = with.run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
