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
async fn what_a_sampler_leaves_out_goes_on_as_not_recorded() {
    let (stage, collector) = (Stage::new().await, Collector::start().await);
    let broker = stage.broker().await;
    for sampler in [("traceidratio", "0"), ("always_off", "")] {
        let mut order = collector.collecting(stage.order_service(), sampler).start().await;
        order.declared_all().await;
        let orders = broker.tap("orders_topic", "kitchen.takeout.*").await;
        let caller = trace();
        place(&order, &[("traceparent", &traceparent(&caller, "01"))]).await;
        assert_eq!(broker.take(&orders).await.header("traceparent"), traceparent(&caller, "00"));
        let line = order.log("order_received").await;
        assert!(line.get("trace_id").is_none(), "{sampler:?}: {line}");
        assert_eq!(order.stop().await, Some(0));
    }
    assert!(collector.recorded().is_empty());
}

/// Each service decides for itself.
#[tokio::test]
async fn a_worker_whose_sampler_leaves_an_order_out_passes_it_on_as_not_recorded() {
    let (stage, collector) = (Stage::new().await, Collector::start().await);
    let broker = stage.broker().await;
    let order = stage.order_service().start().await;
    order.declared_all().await;
    let kitchen = collector.collecting(stage.kitchen_worker("chef_anna"), ("traceidratio", "0"));
    let kitchen = kitchen.start().await;
    let orders = broker.tap("orders_topic", "kitchen.takeout.*").await;
    let updates = broker.tap("notifications_fanout", "").await;
    let caller = trace();
    let number = place(&order, &[("traceparent", &traceparent(&caller, "01"))]).await;
    assert_eq!(broker.take(&orders).await.header("traceparent"), traceparent(&caller, "01"));
    for _ in ["cooking", "ready"] {
        assert_eq!(broker.take(&updates).await.header("traceparent"), traceparent(&caller, "00"));
    }
    let line = kitchen.log_where("the order", |line| line["details"]["order_number"] == number).await;
    assert!(line.get("trace_id").is_none(), "{line}");
    assert!(collector.recorded().is_empty());
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
