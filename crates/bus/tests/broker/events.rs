//! `publisher`: events, each stream of them on a connection of its own.

use bus::inspection::{Found, queues};
use bus::{EventStream, Outgoing, PublishError};
use domain::ServiceName;
use serde_json::json;
use testkit::wait::within;

use crate::declaring::bindings;
use crate::scene::{Scene, message, moment, outgoing, request_id, takeout};

fn event(stream: EventStream) -> Outgoing {
    Outgoing::event(stream, "event-1", &request_id(), moment(), br#"{"status":"CONFIRMED"}"#.to_vec())
}

#[tokio::test]
async fn an_event_is_in_its_stream_and_in_no_other() {
    let scene = Scene::new().await;
    let publisher = scene.publisher_of_events().await;
    for stream in EventStream::ALL {
        assert!(publisher.can_send_events(stream));
        let tap = scene.broker.tap(stream.name(), "").await;
        publisher.publish(event(stream)).await.unwrap();
        let taken = scene.broker.take_now(&tap).await.expect("it is there already");
        assert_eq!(taken.body, r#"{"status":"CONFIRMED"}"#);
        let properties = &taken.properties;
        for (found, expected) in [
            (properties.message_id(), "event-1"),
            (properties.correlation_id(), "req-1"),
            (properties.content_type(), "application/json"),
            (properties.app_id(), "test"),
        ] {
            assert_eq!(found.map(String::as_str), Some(expected), "{stream:?}");
        }
        assert_eq!(properties.delivery_mode(), Some(2));
        assert_eq!(properties.timestamp(), u64::try_from(moment().0.unix_timestamp()).ok());
        scene.until_ready(stream.name(), 1).await;
        let arguments = json!({
            "x-queue-type": "stream", "x-max-age": "1D", "x-max-length-bytes": 268_435_456,
            "x-stream-max-segment-size-bytes": 1_000_000,
        });
        let found = scene.broker.queue(stream.name()).await;
        assert_eq!((&found["durable"], &found["arguments"]), (&json!(true), &arguments));
        let found = scene.broker.exchange(stream.name()).await;
        assert_eq!((&found["durable"], &found["type"]), (&json!(true), &json!("fanout")));
    }
    let bindings = bindings(&scene).await;
    for stream in ["order_status_updates", "db_write_order_status"] {
        assert!(bindings.contains(&format!("{stream} ----> {stream}")), "{bindings:?}");
    }
}

#[tokio::test]
async fn a_stream_that_fails_costs_its_own_connection_alone() {
    let scene = Scene::new().await;
    let publisher = scene.publisher_of_events().await;
    within("the other connection", publisher.status_updates_possible()).await;
    let [broken, other] = EventStream::ALL;
    scene.lines.until("rabbitmq_connected", 4).await;
    scene.broker.delete(broken.name()).await;
    assert_eq!(publisher.publish(event(broken)).await, Err(PublishError::Lost));
    publisher.publish(event(other)).await.unwrap();
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
    scene.lines.until("rabbitmq_connected", 5).await;
    within("another connection", publisher.events_possible()).await;
    publisher.publish(event(broken)).await.unwrap();
    scene.until_ready(broken.name(), 1).await;
    assert_eq!(scene.lines.of("rabbitmq_connection_failed").len(), 1);
}

#[tokio::test]
async fn a_publisher_without_streams_declares_and_connects_nothing_for_them() {
    let scene = Scene::new().await;
    let publisher = scene.publisher().await;
    within("the other connection", publisher.status_updates_possible()).await;
    within("nothing to wait for", publisher.events_possible()).await;
    for stream in EventStream::ALL {
        assert!(!publisher.can_send_events(stream));
        assert_eq!(publisher.publish(event(stream)).await, Err(PublishError::NotConnected));
    }
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
    let found = queues(&scene.settings, "test", true).await.unwrap();
    let absent = found.0.iter().filter(|queue| queue.found == Found::Absent).map(|queue| queue.name);
    assert_eq!(
        absent.collect::<Vec<_>>(),
        ["validated_orders", "order_status_updates", "db_write_order_status"]
    );
    scene.lines.until("rabbitmq_connected", 2).await;
    assert_eq!(scene.lines.of("rabbitmq_connected").len(), 2);
    assert_eq!(scene.lines.of("rabbitmq_connection_failed").len(), 0);
    assert_eq!(bindings(&scene).await.len(), 6);
}

/// A kitchen has no streams either.
#[tokio::test]
async fn the_names_of_the_connections_tell_the_streams() {
    let scene = Scene::new().await;
    let _order = scene.publisher_of_events().await;
    let _kitchen = scene.other_publisher(ServiceName::Kitchen).await;
    let expected = ["test: order_status_updates", "test: db_write_order_status"];
    testkit::eventually("the connections", async || {
        let names = scene.broker.connection_names().await;
        expected.iter().all(|name| names.iter().filter(|found| found == name).count() == 1).then_some(())
    })
    .await;
}
