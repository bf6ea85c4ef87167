//! The probes: `/health` as the production notes show it, `/livez`, `/readyz`, and `--healthcheck`.

use testkit::{Launch, PortClaim, Stage};

use crate::records::open;

#[tokio::test]
async fn health_lists_every_check() {
    let (_stage, _database, service) = open().await;
    let answer = service.until_status("/health", 200).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let timestamp = answer.json()["timestamp"].as_str().unwrap().to_owned();
    assert_eq!((timestamp.len(), &timestamp[19..20], &timestamp[23..]), (24, ".", "Z"), "{timestamp}");
    let (version, revision) = (&answer.json()["version"], &answer.json()["revision"]);
    assert_eq!(
        answer.body,
        format!(
            r#"{{"status":"healthy","timestamp":"{timestamp}","service":"tracking-service","checks":{{"database":"healthy"}},"version":{version},"revision":{revision}}}"#
        )
    );
}

#[tokio::test]
async fn livez_reports_that_the_process_runs() {
    let (_stage, _database, service) = open().await;
    let answer = service.get("/livez").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
}

fn healthcheck(stage: &Stage, port: u16) -> Launch {
    Launch::new("tracking-service", stage.environment()).arg("--healthcheck").arg(format!("--port={port}"))
}

#[tokio::test]
async fn healthcheck_exits_0_only_if_the_service_is_ready() {
    let (stage, _database, service) = open().await;
    let healthy = healthcheck(&stage, service.port()).run_to_end().await;
    assert_eq!((healthy.code, healthy.stdout.as_str(), healthy.stderr.as_str()), (Some(0), "", ""));

    let nobody_at = PortClaim::of(0).unwrap();
    let port = nobody_at.port();
    let nobody = healthcheck(&stage, port).run_to_end().await;
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.stderr.contains(&format!("no service answers at 127.0.0.1:{port}")), "{nobody:?}");

    let empty = Stage::new().await;
    let waiting = empty.tracking_service().start().await;
    waiting.log("schema_awaited").await;
    let unready = healthcheck(&empty, waiting.port()).run_to_end().await;
    assert_eq!(unready.code, Some(1));
    assert!(unready.stderr.contains("not ready") && unready.stderr.contains("database"), "{unready:?}");
}

#[tokio::test]
async fn on_all_addresses_it_is_reached_by_both_families_and_the_check_asks_what_is_bound() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let service = stage.tracking_service().env("HTTP_BIND", "[::]").start().await;
    service.until_status("/readyz", 200).await;
    let check = healthcheck(&stage, service.port());
    assert_eq!(check.env("HTTP_BIND", "::").run_to_end().await.code, Some(0));
    // The probe must not find a service on IPv4 alone, wherever IPv6 exists.
    let older = stage.tracking_service().env("HTTP_BIND", "0.0.0.0").start().await;
    older.until_status("/readyz", 200).await;
    let check = healthcheck(&stage, older.port()).env("HTTP_BIND", "::").run_to_end().await;
    let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    assert_eq!(check.code, Some(i32::from(has_ipv6)), "{check:?}");
}
