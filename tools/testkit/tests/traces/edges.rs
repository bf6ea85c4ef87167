//! What a span is below: from the request to the line that a subscriber prints.

use testkit::http::send;
use testkit::{Collector, Stage};

use crate::{lines_of, metric, place, trace, traceparent};

#[tokio::test]
async fn an_order_is_one_trace_from_its_request_to_its_subscriber() {
    let (stage, collector) = (Stage::new().await, Collector::start().await);
    let order = collector.collecting_all(stage.order_service()).start().await;
    let kitchen = collector.collecting_all(stage.kitchen_worker("chef_anna")).start().await;
    let notifier = collector.collecting_all(stage.subscriber()).start().await;
    let number = place(&order, &[]).await;
    notifier.notification(&format!("{number}: Status changed from 'cooking' to 'ready'")).await;

    let request =
        collector.span("the request", |span| span.name == "POST /orders" && span.parent_id.is_empty()).await;
    assert_eq!((request.service.as_str(), request.kind), ("order-service", "SPAN_KIND_SERVER"));
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/orders"),
        ("http.response.status_code", "200"),
        ("url.path", "/orders"),
        ("url.scheme", "http"),
    ] {
        assert_eq!(request.attributes[name], value, "{request:?}");
    }

    let store = collector.child(&request, "store order").await;
    let insert = collector.child(&store, "INSERT orders").await;
    assert_eq!(
        (insert.kind, insert.attributes["db.system.name"].as_str()),
        ("SPAN_KIND_CLIENT", "postgresql")
    );
    assert_eq!(insert.attributes["db.namespace"], stage.name);
    assert_eq!(insert.links, [(store.trace_id.clone(), store.span_id.clone())]);

    let publish = collector.child(&store, "publish orders_topic").await;
    assert_eq!((publish.service.as_str(), publish.kind), ("order-service", "SPAN_KIND_PRODUCER"));
    assert_eq!(publish.attributes["messaging.system"], "rabbitmq");
    assert_eq!(publish.attributes["messaging.message.id"], number);
    assert_eq!(publish.attributes["messaging.rabbitmq.destination.routing_key"], "kitchen.takeout.1");

    let cook = collector.child(&publish, "process orders_topic").await;
    assert_eq!((cook.service.as_str(), cook.kind), ("kitchen-worker", "SPAN_KIND_CONSUMER"));
    collector.child(&cook, "INSERT order_claims").await;
    let finish = collector.child(&cook, "finish order").await;
    collector.child(&finish, "UPDATE orders").await;
    // That it cooks, and that it is ready.
    for cause in [&cook, &finish] {
        let update = collector.child(cause, "publish notifications_fanout").await;
        let shown = collector.child(&update, "process notifications_queue").await;
        assert_eq!((shown.service.as_str(), shown.kind), ("notification-subscriber", "SPAN_KIND_CONSUMER"));
    }
    assert!(collector.recorded().iter().all(|span| !span.is_error), "{:?}", collector.recorded());

    // Who asks for it is another trace, with a statement of its own.
    let tracking = collector.collecting_all(stage.tracking_service().ready_when_probed()).start().await;
    assert_eq!(tracking.get(&format!("/orders/{number}/status")).await.status, 200);
    let asked = collector.span("a look-up", |span| span.name == "GET /orders/{order_number}/status").await;
    assert_eq!(asked.service, "tracking-service");
    collector.child(&asked, "SELECT orders").await;

    // Every line about it has the trace, behind the request. The first has no number yet.
    let received = order.logged("order_received");
    assert!(received.iter().all(|line| line["trace_id"] == request.trace_id.as_str()), "{received:?}");
    for (service, least) in [(&order, 1), (&kitchen, 2), (&notifier, 2)] {
        let lines = service.log_lines();
        let about: Vec<_> = lines_of(&lines, &number).collect();
        assert!(about.len() >= least, "{lines:?}");
        assert!(about.iter().all(|line| line["trace_id"] == request.trace_id.as_str()), "{about:?}");
        // The service's own have none.
        let own = lines.iter().find(|line| line["action"] == "traces_started").unwrap();
        assert!(own.get("trace_id").is_none(), "{own}");
    }
    let raw = order.raw_lines().into_iter().find(|line| line.contains("trace_id")).unwrap();
    let at = |part: &str| raw.find(part).unwrap();
    assert!(at("\"request_id\"") < at("\"trace_id\"") && at("\"trace_id\"") < at("\"action\""), "{raw}");
}

#[tokio::test]
async fn a_cancelled_order_tells_its_subscriber_in_the_trace_of_the_cancellation() {
    const KEY: &str = "the-staff-knows-this-key";
    let (stage, collector) = (Stage::new().await, Collector::start().await);
    let order = collector.collecting_all(stage.order_service()).env("ORDER_STAFF_KEY", KEY).start().await;
    let notifier = collector.collecting_all(stage.subscriber()).start().await;
    let number = place(&order, &[]).await;
    let (caller, bearer) = (trace(), format!("Bearer {KEY}"));
    let parent = traceparent(&caller, "01");
    let headers = [("Authorization", bearer.as_str()), ("traceparent", &parent)];
    let answer = send(order.port(), "POST", &format!("/orders/{number}/cancel"), &headers, b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    notifier.notification(&format!("{number}: Status changed from 'received' to 'cancelled'")).await;

    let request =
        collector.span("the request", |span| span.trace_id == caller && span.kind.ends_with("SERVER"));
    let request = request.await;
    assert_eq!(request.name, "POST /orders/{number}/cancel");
    assert_eq!(request.parent_id, "00f067aa0ba902b7");
    // The relay sends it: it comes after the request all the same.
    let update = collector.child(&request, "publish notifications_fanout").await;
    collector.child(&update, "process notifications_queue").await;
}

/// A row that the relay finds late begins a trace of its own, which points to the old one.
#[tokio::test]
async fn an_old_row_is_linked() {
    let (stage, collector) = (Stage::new().await, Collector::start().await);
    let order = collector.collecting_all(stage.order_service()).start().await;
    let (database, broker) = (stage.database().await, stage.broker().await);
    order.declared_all().await;
    let tap = broker.tap("orders_topic", "kitchen.takeout.*").await;
    let old = trace();
    for (age, number) in [("45 seconds", "ORD_20261120_901"), ("61 seconds", "ORD_20261120_902")] {
        database
            .execute(&format!(
                "with placed as (
                     insert into orders (number, customer_name, type, total_amount, priority, created_at)
                     values ('{number}', 'Jane', 'takeout', 1, 1, now() - interval '{age}') returning id
                 ), item as (
                     insert into order_items (order_id, name, quantity, price) select id, 'Soup', 1, 1 from placed
                 )
                 insert into order_outbox (order_id, request_id, due_at, traceparent)
                 select id, 'late', now(), '{}' from placed",
                traceparent(&old, "01")
            ))
            .await;
    }
    let sent = |number: &'static str| {
        let collector = &collector;
        async move {
            let fits = |span: &testkit::collector::Recorded| {
                span.name == "publish orders_topic" && span.attributes["messaging.message.id"] == number
            };
            collector.span(number, fits).await
        }
    };
    let (fresh, late) = (sent("ORD_20261120_901").await, sent("ORD_20261120_902").await);
    assert_eq!((fresh.trace_id.as_str(), fresh.parent_id.as_str()), (old.as_str(), "00f067aa0ba902b7"));
    assert_eq!(fresh.links, []);
    assert_ne!(late.trace_id, old);
    assert_eq!(late.parent_id, "");
    assert_eq!(late.links, [(old, "00f067aa0ba902b7".to_owned())]);
    for _ in 0..2 {
        let message = broker.take(&tap).await;
        let carried = message.header("traceparent");
        let spans = [&fresh, &late].map(|span| format!("00-{}-{}-01", span.trace_id, span.span_id));
        assert!(spans.contains(&carried), "{carried}");
    }
}

/// The event of a request is in the trace of its message; of an old one, a link points there.
#[tokio::test]
async fn events_of_requests_are_in_their_trace() {
    let (stage, collector) = (Stage::new().await, Collector::start().await);
    let launch = collector.collecting_all(stage.order_service()).env("INTAKE_ENABLED", "true");
    let order = launch.start().await;
    order.declared_all().await;
    let (database, old) = (stage.database().await, trace());
    let (fresh, late) = ("019ab6ce-5d80-7c3e-8f12-000000000001", "019ab6ce-5d80-7c3e-8f12-000000000002");
    for (age, id) in [("45 seconds", fresh), ("61 seconds", late)] {
        database
            .execute(&format!(
                "insert into order_requests (order_id, fingerprint, request_id, status, code, reason, created_at,
                                             updated_at, traceparent)
                 values ('{id}', '', 'late', 'FAILED', 'out_of_stock', 'Sold out.', now(), now(), '{}');
                 insert into request_outbox (order_id, stream, status, changed_at, due_at)
                 values ('{id}', 'status', 'FAILED', now() - interval '{age}', now())",
                traceparent(&old, "01")
            ))
            .await;
    }
    let sent = async |id: &str| {
        let message_id = format!("{id}.FAILED");
        let fits = |span: &testkit::collector::Recorded| {
            span.name == "publish order_status_updates"
                && span.attributes["messaging.message.id"] == message_id
        };
        collector.span("the event", fits).await
    };
    let (fresh, late) = (sent(fresh).await, sent(late).await);
    assert_eq!((fresh.trace_id.as_str(), fresh.parent_id.as_str()), (old.as_str(), "00f067aa0ba902b7"));
    assert_eq!(fresh.links, []);
    assert_ne!(late.trace_id, old);
    assert_eq!((late.parent_id.as_str(), late.links), ("", vec![(old, "00f067aa0ba902b7".to_owned())]));
}

#[tokio::test]
async fn what_shares_a_statement_is_linked_to_it() {
    let (stage, collector) = (Stage::new().await, Collector::start().await);
    let order = collector.collecting_all(stage.order_service()).start().await;
    let locking = stage.database().await;
    // While nothing can be stored, orders queue up.
    locking.execute("begin; lock table order_counters in access exclusive mode").await;
    let mut placing = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let port = order.port();
        placing.spawn(async move {
            let body = testkit::orders::takeout().to_string();
            let json = [("Content-Type", "application/json")];
            send(port, "POST", "/orders", &json, body.as_bytes()).await.status
        });
    }
    order.logs("order_received", 5).await;
    locking.execute("rollback").await;
    assert_eq!(placing.join_all().await, [200; 5]);
    let together = collector
        .span("a statement for several", |span| span.name == "INSERT orders" && span.links.len() > 1)
        .await;
    assert_eq!(together.attributes["db.operation.batch.size"], together.links.len().to_string());
    for (trace_id, span_id) in &together.links {
        collector
            .span("a linked order", |span| {
                span.name == "store order" && (&span.trace_id, &span.span_id) == (trace_id, span_id)
            })
            .await;
    }
}

#[tokio::test]
async fn names_have_few_values_and_what_clients_write_is_cut() {
    let (stage, collector) = (Stage::new().await, Collector::start().await);
    let admin = testkit::PortClaim::of(0).unwrap();
    let launch = collector.collecting_all(stage.order_service());
    let order = launch.env("ADMIN_PORT", admin.port().to_string()).start().await;
    for number in 0..20 {
        let path = format!("/{number}/{}", "x".repeat(1_000));
        assert_eq!(order.get(&path).await.status, 404);
    }
    collector
        .span("a request", |span| span.attributes.get("url.path").is_some_and(|path| path.len() == 256))
        .await;
    let names: std::collections::BTreeSet<String> = collector
        .recorded()
        .into_iter()
        .filter(|span| span.kind.ends_with("SERVER"))
        .map(|span| span.name)
        .collect();
    assert!(names.len() <= 3, "{names:?}");
    // Who scrapes is in no trace.
    assert!(metric(&admin, "restaurant_spans_exported_total", "").await > 0.0);
    assert!(!collector.recorded().iter().any(|span| span.name.contains("metrics")));
}
