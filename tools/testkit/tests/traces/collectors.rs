//! Collectors in trouble. Orders go on as if there were none, and what is lost is counted.

use std::time::Duration;

use testkit::collector::Manner;
use testkit::{Collector, PortClaim, Service, Stage, eventually};
use tokio::time::Instant;

use crate::{metric, place};

/// No request waits for a collector.
const QUICK: Duration = Duration::from_secs(5);

async fn traced(stage: &Stage, collector: &Collector) -> (Service, PortClaim) {
    let admin = PortClaim::of(0).unwrap();
    let launch = collector.collecting_all(stage.order_service());
    let service = launch.env("ADMIN_PORT", admin.port().to_string()).start().await;
    (service, admin)
}

async fn dropped(admin: &PortClaim, reason: &str) -> f64 {
    metric(admin, "restaurant_spans_dropped_total", &format!("reason=\"{reason}\"")).await
}

async fn until_dropped(admin: &PortClaim, reason: &str) {
    eventually(&format!("spans to be dropped: {reason}"), async || {
        (dropped(admin, reason).await > 0.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_that_is_gone_or_answers_anything_costs_its_spans_only() {
    for manner in [None, Some(Manner::Failing), Some(Manner::Garbage), Some(Manner::Lying)] {
        let stage = Stage::new().await;
        let collector = Collector::with(manner.unwrap_or(Manner::Taking)).await;
        let [(_, address), ..] = collector.variables(("always_on", ""));
        let (mut order, admin) = traced(&stage, &collector).await;
        if manner.is_none() {
            drop(collector);
        }
        let began = Instant::now();
        place(&order, &[]).await;
        assert!(began.elapsed() < QUICK, "{manner:?}");
        until_dropped(&admin, "not_exported").await;
        let told = order.log("traces_not_sent").await;
        assert_eq!(told["level"], "ERROR", "{told}");
        let message = told["message"].as_str().unwrap();
        for part in [address.as_str(), "telemetry.otlp_endpoint (OTEL_EXPORTER_OTLP_ENDPOINT)"] {
            assert!(message.contains(part), "{manner:?}: no '{part}' in {told}");
        }
        place(&order, &[]).await;
        // It is told once for the whole outage.
        assert_eq!(order.logged("traces_not_sent").len(), 1, "{manner:?}");
        assert!(metric(&admin, "restaurant_spans_exported_total", "").await < 1.0, "{manner:?}");
        assert_eq!(order.stop().await, Some(0));
    }
}

/// The queue is full, and stays as large as it is.
#[tokio::test]
async fn one_that_never_answers_takes_no_memory() {
    let (stage, collector) = (Stage::new().await, Collector::with(Manner::Silent).await);
    let (mut order, admin) = traced(&stage, &collector).await;
    let memory = async || metric(&admin, "process_resident_memory_bytes", "").await;
    let requests = async |count: usize| {
        for _ in 0..count {
            assert_eq!(order.get("/nowhere").await.status, 404);
        }
    };
    // More spans than wait at most, and than are given up meanwhile, however slow this machine is.
    for _ in 0..40 {
        requests(500).await;
        if dropped(&admin, "queue_full").await > 0.0 {
            break;
        }
    }
    assert!(dropped(&admin, "queue_full").await > 0.0);
    let full = memory().await;
    requests(3_000).await;
    let later = memory().await;
    assert!(later < full + f64::from(4 << 20), "{full} bytes, then {later}");
    let began = Instant::now();
    assert_eq!(order.stop().await, Some(0));
    assert!(began.elapsed() < QUICK);
}

#[tokio::test]
async fn what_it_rejects_is_counted() {
    let (stage, collector) = (Stage::new().await, Collector::with(Manner::Rejecting(1)).await);
    let (order, admin) = traced(&stage, &collector).await;
    place(&order, &[]).await;
    until_dropped(&admin, "rejected").await;
    assert!(order.logged("traces_not_sent").is_empty());
}
