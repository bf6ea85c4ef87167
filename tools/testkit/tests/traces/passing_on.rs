//! Without a collector, what a caller says of its trace is passed on unchanged.

use testkit::{Stage, eventually};

use crate::{lines_of, place, trace, traceparent};

#[tokio::test]
async fn a_callers_trace_goes_through_all_services_as_it_came() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let order = stage.order_service().start().await;
    order.declared_all().await;
    let kitchen = stage.kitchen_worker("chef_anna").start().await;
    let notifier = stage.subscriber().start().await;
    let orders = broker.tap("orders_topic", "kitchen.takeout.*").await;
    let updates = broker.tap("notifications_fanout", "").await;
    for flags in ["01", "00"] {
        let caller = trace();
        let parent = traceparent(&caller, flags);
        let number = place(&order, &[("traceparent", &parent)]).await;
        assert_eq!(broker.take(&orders).await.header("traceparent"), parent);
        for _ in ["cooking", "ready"] {
            assert_eq!(broker.take(&updates).await.header("traceparent"), parent);
        }
        notifier.notification(&format!("{number}: Status changed from 'cooking' to 'ready'")).await;
        let expected = (flags == "01").then_some(caller.as_str());
        for service in [&order, &kitchen, &notifier] {
            let lines = service.log_lines();
            let told: Vec<_> = lines_of(&lines, &number).map(|line| line["trace_id"].as_str()).collect();
            assert!(!told.is_empty() && told.iter().all(|told| *told == expected), "{flags}: {lines:?}");
        }
    }
}

#[tokio::test]
async fn it_waits_in_the_row_while_the_broker_is_away() {
    let stage = Stage::new().await;
    let proxy = stage.rabbitmq_proxy().await;
    let broker = stage.broker().await;
    let launch = stage.order_service().env("RABBITMQ_PORT", proxy.port().to_string());
    let order = launch.env("ORDER_ACCEPT_WHILE_BROKER_DOWN", "true").start().await;
    order.declared_all().await;
    let orders = broker.tap("orders_topic", "kitchen.takeout.*").await;
    proxy.cut();
    let parent = traceparent(&trace(), "01");
    place(&order, &[("traceparent", &parent)]).await;
    let database = stage.database().await;
    eventually("the row", async || {
        (database.value("select max(traceparent) from order_outbox").await == parent.as_str()).then_some(())
    })
    .await;
    proxy.mend();
    database.execute("update order_outbox set due_at = now()").await;
    assert_eq!(broker.take(&orders).await.header("traceparent"), parent);
}

#[tokio::test]
async fn what_is_no_traceparent_is_not_passed_on() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let order = stage.order_service().start().await;
    order.declared_all().await;
    let orders = broker.tap("orders_topic", "kitchen.takeout.*").await;
    let wary = stage.order_service().env("TELEMETRY_TRUST_INCOMING", "false").start().await;
    for (service, said) in [(&order, "00-no-trace-01".to_owned()), (&wary, traceparent(&trace(), "01"))] {
        place(service, &[("traceparent", &said)]).await;
        let message = broker.take(&orders).await;
        let headers = message.properties.headers().unwrap();
        assert!(headers.get(&"traceparent".try_into().unwrap()).is_none(), "{headers:?}");
    }
}
