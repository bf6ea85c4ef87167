//! Which traces are recorded.

use testkit::{Collector, Stage};

use crate::{place, trace, traceparent};

#[tokio::test]
async fn one_in_a_hundred_is_recorded_whole() {
    const ORDERS: usize = 600;
    let (stage, collector) = (Stage::new().await, Collector::start().await);
    // Without a sampler: its default.
    let mut order = collector.collecting(stage.order_service(), ("", "")).start().await;
    for _ in 0..ORDERS {
        place(&order, &[]).await;
    }
    let lines = order.log_lines();
    // It sends what has ended before it stops.
    assert_eq!(order.stop().await, Some(0));
    let recorded = collector.recorded();
    let requests: Vec<_> = recorded.iter().filter(|span| span.name == "POST /orders").collect();
    // 6 are expected; with 30 the chance is below 1e-12.
    assert!(requests.len() < 30, "{}", requests.len());
    for request in &requests {
        for name in ["store order", "publish orders_topic"] {
            let is_there = recorded.iter().any(|span| span.name == name && span.trace_id == request.trace_id);
            assert!(is_there, "{name} of {request:?}");
        }
    }
    let placed = lines.iter().filter(|line| line["action"] == "order_received");
    let traced = placed.filter(|line| line.get("trace_id").is_some()).count();
    assert_eq!(traced, requests.len());
}

#[tokio::test]
async fn a_callers_flag_counts_unless_callers_are_not_trusted() {
    let (stage, collector) = (Stage::new().await, Collector::start().await);
    let sampler = ("parentbased_always_off", "");
    let trusting = collector.collecting(stage.order_service(), sampler).start().await;
    let wary = collector.collecting(stage.order_service(), ("parentbased_always_on", ""));
    let mut wary = wary.env("TELEMETRY_TRUST_INCOMING", "false").start().await;
    let [recorded, not_recorded, untrusted] = [trace(), trace(), trace()];
    place(&trusting, &[("traceparent", &traceparent(&not_recorded, "00"))]).await;
    place(&trusting, &[("traceparent", &traceparent(&recorded, "01"))]).await;
    place(&wary, &[("traceparent", &traceparent(&untrusted, "00"))]).await;
    collector.span("the caller's trace", |span| span.trace_id == recorded).await;
    let own = collector
        .span("a trace of its own", |span| span.links.iter().any(|(trace_id, _)| *trace_id == untrusted));
    let own = own.await;
    assert_eq!((own.name.as_str(), own.parent_id.as_str()), ("POST /orders", ""));
    assert_eq!(wary.stop().await, Some(0));
    let of =
        |trace_id: &String| collector.recorded().iter().filter(|span| span.trace_id == *trace_id).count();
    assert_eq!([of(&not_recorded), of(&untrusted)], [0, 0]);
}

#[tokio::test]
async fn without_a_collector_nothing_is_recorded() {
    let stage = Stage::new().await;
    let order = stage.order_service().start().await;
    place(&order, &[]).await;
    let database = stage.database().await;
    let traced = database.value("select count(traceparent) from order_outbox").await;
    assert_eq!(traced, 0);
    assert!(order.log_lines().iter().all(|line| line.get("trace_id").is_none()));
    assert!(order.logged("traces_started").is_empty());
}
