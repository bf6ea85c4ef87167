//! The admin listener of every service, asked as an operator or an orchestrator asks it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;

use domain::ServiceName;
use serde_json::json;
use testkit::http::{self, Answer};
use testkit::orders::takeout;
use testkit::service::{Service, Signal};
use testkit::{Launch, PortClaim, Stage, eventually};

fn launch(stage: &Stage, service: ServiceName) -> Launch {
    match service {
        ServiceName::Order => stage.order_service(),
        ServiceName::Kitchen => stage.kitchen_worker("chef_anna"),
        ServiceName::Tracking => stage.tracking_service(),
        ServiceName::Notifier => stage.subscriber(),
    }
}

/// What its probes look at.
fn checks(service: ServiceName) -> &'static [&'static str] {
    match service {
        ServiceName::Order => &["database", "rabbitmq"],
        ServiceName::Kitchen => &["database", "registration", "rabbitmq"],
        ServiceName::Tracking => &["database"],
        ServiceName::Notifier => &["rabbitmq"],
    }
}

async fn get(admin: &PortClaim, path: &str) -> Answer {
    http::send(admin.port(), "GET", path, &[], b"").await
}

/// Asks until the service is ready, or is not.
async fn until(admin: &PortClaim, status: u16) -> Answer {
    eventually(&format!("{status} for /readyz"), async || {
        let answer = http::try_send(admin.port(), "GET", "/readyz", &[], b"").await.ok()?;
        (answer.status == status).then_some(answer)
    })
    .await
}

fn with_admin(launch: &Launch, admin: &PortClaim) -> Launch {
    launch.clone().env("ADMIN_PORT", admin.port().to_string())
}

fn healthcheck(stage: &Stage, service: ServiceName, admin: &PortClaim) -> Launch {
    with_admin(&Launch::new(service.binary(), stage.environment()).arg("--healthcheck"), admin)
}

/// The TCP ports on which a process listens.
fn listening(service: &Service) -> BTreeSet<u16> {
    let process = Path::new("/proc").join(service.pid().to_string());
    let sockets: BTreeSet<String> = std::fs::read_dir(process.join("fd"))
        .unwrap()
        .filter_map(|file| std::fs::read_link(file.unwrap().path()).ok())
        .filter_map(|target| target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned))
        .collect();
    let mut ports = BTreeSet::new();
    for table in ["net/tcp", "net/tcp6"] {
        // proc_net_tcp(5): local address, its port in hexadecimal digits, and the state. 0A
        // listens.
        for line in std::fs::read_to_string(process.join(table)).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields[3] == "0A" && sockets.contains(fields[9]) {
                let (_, port) = fields[1].split_once(':').unwrap();
                ports.insert(u16::from_str_radix(port, 16).unwrap());
            }
        }
    }
    ports
}

async fn answers_its_probes(service: ServiceName) {
    let stage = Stage::new().await;
    stage.migrate().await;
    let admin = PortClaim::of(0).unwrap();
    let mut running = with_admin(&launch(&stage, service), &admin).start().await;
    let started = running.log("admin_started").await;
    assert_eq!(started["details"], json!({"address": "127.0.0.1", "port": admin.port()}));

    until(&admin, 200).await;
    let livez = get(&admin, "/livez").await;
    assert_eq!((livez.status, livez.body.as_str()), (200, "ok\n"));
    let health = get(&admin, "/health").await;
    assert_eq!((health.status, health.header("cache-control")), (200, "no-store"));
    let body = health.json();
    assert_eq!((&body["status"], &body["service"]), (&json!("healthy"), &json!(service.binary())));
    let expected: serde_json::Map<_, _> =
        checks(service).iter().map(|check| ((*check).to_owned(), json!("healthy"))).collect();
    assert_eq!(body["checks"], json!(expected));
    let metrics = get(&admin, "/metrics").await;
    assert_eq!((metrics.status, metrics.header("cache-control")), (200, "no-store"));
    let (version, revision) = (&body["version"], &body["revision"]);
    let build = format!("restaurant_build_info{{version={version},revision={revision}}} 1\n");
    assert!(metrics.body.contains(&build), "{build} {metrics:?}");
    assert!(metrics.body.ends_with("# EOF\n"), "{metrics:?}");
    assert_eq!(get(&admin, "/orders").await.status, 404);
    assert_eq!(http::send(admin.port(), "POST", "/livez", &[], b"").await.status, 405);

    let check = healthcheck(&stage, service, &admin);
    let well = check.run_to_end().await;
    assert_eq!((well.code, well.stdout.as_str(), well.stderr.as_str()), (Some(0), "", ""));
    assert_eq!(running.stop().await, Some(0));
    assert_eq!(running.logged("shutdown_incomplete"), [json!(null); 0], "no probe holds up the end");
    let gone = check.run_to_end().await;
    let address = format!("no service answers at 127.0.0.1:{}", admin.port());
    assert_eq!((gone.code, gone.stderr.contains(&address)), (Some(1), true), "{gone:?}");
}

#[tokio::test]
async fn the_order_service_answers_its_probes() {
    answers_its_probes(ServiceName::Order).await;
}

#[tokio::test]
async fn a_worker_answers_its_probes() {
    answers_its_probes(ServiceName::Kitchen).await;
}

#[tokio::test]
async fn the_tracking_service_answers_its_probes() {
    answers_its_probes(ServiceName::Tracking).await;
}

#[tokio::test]
async fn a_subscriber_answers_its_probes() {
    answers_its_probes(ServiceName::Notifier).await;
}

/// While a server is away, the process lives and is not ready.
async fn is_not_ready_without(service: ServiceName, check: &str) {
    let stage = Stage::new().await;
    stage.migrate().await;
    let (proxy, variable) = match check {
        "database" => (stage.postgres_proxy().await, "DB_PORT"),
        _ => (stage.rabbitmq_proxy().await, "RABBITMQ_PORT"),
    };
    let admin = PortClaim::of(0).unwrap();
    let started = launch(&stage, service).env(variable, proxy.port().to_string());
    let _running = with_admin(&started, &admin).start().await;
    until(&admin, 200).await;
    proxy.cut();
    let away = until(&admin, 503).await.json();
    assert_eq!((&away["status"], &away["checks"][check]), (&json!("unhealthy"), &json!("unhealthy")));
    assert_eq!(get(&admin, "/health").await.status, 503);
    assert_eq!(get(&admin, "/livez").await.status, 200);
    let sick = healthcheck(&stage, service, &admin).run_to_end().await;
    assert_eq!((sick.code, sick.stderr.contains("is not ready")), (Some(1), true), "{sick:?}");
    proxy.mend();
    until(&admin, 200).await;
}

#[tokio::test]
async fn the_order_service_is_not_ready_without_its_servers() {
    is_not_ready_without(ServiceName::Order, "database").await;
    is_not_ready_without(ServiceName::Order, "rabbitmq").await;
}

#[tokio::test]
async fn a_worker_is_not_ready_without_its_servers() {
    is_not_ready_without(ServiceName::Kitchen, "database").await;
    is_not_ready_without(ServiceName::Kitchen, "rabbitmq").await;
}

#[tokio::test]
async fn the_tracking_service_is_not_ready_without_its_database() {
    is_not_ready_without(ServiceName::Tracking, "database").await;
}

#[tokio::test]
async fn a_subscriber_is_not_ready_until_it_reads_the_stream() {
    is_not_ready_without(ServiceName::Notifier, "rabbitmq").await;
}

#[tokio::test]
async fn a_worker_that_cannot_register_lives_and_is_not_ready() {
    let stage = Stage::new().await;
    let proxy = stage.postgres_proxy().await;
    proxy.cut();
    let admin = PortClaim::of(0).unwrap();
    let worker = stage.kitchen_worker("chef_anna").env("DB_PORT", proxy.port().to_string());
    let running = with_admin(&worker.ready_when_logged("db_connection_failed"), &admin).start().await;
    assert_eq!(get(&admin, "/livez").await.status, 200);
    let waiting = get(&admin, "/readyz").await;
    let unhealthy = json!({"database": "unhealthy", "registration": "unhealthy", "rabbitmq": "unhealthy"});
    assert_eq!((waiting.status, &waiting.json()["checks"]), (503, &unhealthy));
    proxy.mend();
    running.log("worker_registered").await;
    until(&admin, 200).await;
}

#[tokio::test]
async fn a_worker_that_stops_lives_and_is_not_ready() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let admin = PortClaim::of(0).unwrap();
    let mut worker =
        with_admin(&stage.kitchen_worker("chef_anna").cooking_seconds(4.0), &admin).start().await;
    until(&admin, 200).await;
    assert_eq!(orders.post("/orders", &takeout().to_string()).await.status, 200);
    worker.log("order_processing_started").await;
    worker.signal(Signal::TERM);
    let stopping = until(&admin, 503).await;
    assert_eq!(stopping.json()["checks"], json!({"running": "unhealthy"}));
    assert_eq!(get(&admin, "/livez").await.status, 200);
    assert_eq!(worker.wait().await.code(), Some(0));
    assert_eq!(worker.logged("order_completed").len(), 1);
}

#[tokio::test]
async fn by_default_no_service_has_an_admin_listener() {
    let stage = Stage::new().await;
    stage.migrate().await;
    for service in ServiceName::ALL {
        let running = launch(&stage, service).start().await;
        assert_eq!(running.logged("admin_started").len(), 0, "{service}");
        let public =
            if service.port().is_some() { BTreeSet::from([running.port()]) } else { BTreeSet::new() };
        assert_eq!(listening(&running), public, "{service}");
    }
}

#[tokio::test]
async fn it_listens_on_the_address_that_is_set() {
    let stage = Stage::new().await;
    let admin = PortClaim::of(0).unwrap();
    let subscriber = with_admin(&stage.subscriber().env("ADMIN_BIND", "::"), &admin).start().await;
    assert_eq!(listening(&subscriber), BTreeSet::from([admin.port()]));
    until(&admin, 200).await;
    let check = healthcheck(&stage, ServiceName::Notifier, &admin).env("ADMIN_BIND", "::");
    assert_eq!(check.run_to_end().await.code, Some(0));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_what_to_do() {
    let stage = Stage::new().await;
    let admin = PortClaim::of(0).unwrap();
    let _taken = TcpListener::bind(("127.0.0.1", admin.port())).unwrap();
    for service in ServiceName::ALL {
        let mut refused = with_admin(&launch(&stage, service).ready_at_once(), &admin).start().await;
        assert_eq!(refused.wait().await.code(), Some(1), "{service}");
        let why = refused.logged("service_failed").remove(0)["error"]["msg"].to_string();
        let (what, advice) = (format!("127.0.0.1:{}", admin.port()), "admin.port (ADMIN_PORT)");
        assert!(why.contains(&what) && why.contains(advice), "{service}: {why}");
    }
}
