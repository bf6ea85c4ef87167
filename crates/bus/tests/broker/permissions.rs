//! `permissions`: what is listed for a service is enough for it.

use amqprs::{BasicProperties, FieldTable};
use bus::dead_letters::Pass;
use bus::inspection::{Needs, inspect};
use bus::notifications::{StartAt, subscribe};
use bus::orders::OrderIntake;
use bus::{DeadLetterPublisher, EventStream, LinkState, Outgoing, Publisher, permissions, safety_net};
use config::Rabbitmq;
use domain::ServiceName;
use runtime::Shutdown;
use testkit::wait::within;

use crate::inspecting::User;
use crate::scene::{
    Scene, TAKEOUT_QUEUE, message, moment, news, next, order_of, outgoing, publisher, request_id, takeout,
    update,
};

async fn user_of(scene: &Scene, service: ServiceName) -> User<'_> {
    let rights = permissions::of(service).unwrap();
    User::new(scene, service.short_name(), [&rights.configure, &rights.write, &rights.read]).await
}

#[tokio::test]
async fn no_right_is_missing_where_nothing_is_declared_yet_nor_where_all_is() {
    let scene = Scene::new().await;
    for (service, needs) in [
        (ServiceName::Order, Needs { orders: true, intake: true, notifications: false }),
        (ServiceName::Kitchen, Needs { orders: true, intake: false, notifications: false }),
        (ServiceName::Notifier, Needs { orders: false, intake: false, notifications: true }),
    ] {
        let user = user_of(&scene, service).await;
        for _ in 0..2 {
            let found = inspect(&user.settings, "test", needs).await.unwrap();
            assert_eq!(found.missing_rights, [], "{service:?}");
            let publisher = scene.publisher_of_events().await;
            within("the stream", publisher.status_updates_possible()).await;
            scene.requests(&scene.settings, 1).await.close().await;
        }
        user.remove().await;
    }
}

#[tokio::test]
async fn an_order_service_declares_and_publishes_and_clears_the_safety_net() {
    let scene = Scene::new().await;
    let user = user_of(&scene, ServiceName::Order).await;
    let log = &scene.lines.log;
    let (publisher, _) = Publisher::start(&user.settings, ServiceName::Order, "test", &EventStream::ALL, log);
    within("orders", publisher.orders_possible()).await;
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
    within("the stream", publisher.status_updates_possible()).await;
    publisher.publish(news(&update())).await.unwrap();
    // Somebody is checked, so it also looks after the dead letters.
    let settings = Rabbitmq {
        publishers: "orders=somebody,status=somebody,requests=".parse().unwrap(),
        ..user.settings.clone()
    };
    let dead_letters = DeadLetterPublisher::new(publisher.clone());
    let cleared = safety_net::clear(&settings, "test", &dead_letters, log, async |_| Ok::<_, ()>(Vec::new()));
    cleared.await.unwrap();
    // Orders by message.
    let mut intake = scene.requests(&user.settings, 2).await;
    for body in ["one", "two"] {
        scene.request(BasicProperties::default(), body).await;
    }
    for _ in 0..2 {
        let request = within("a request", intake.next()).await.unwrap();
        assert!(request.identify("made").is_none());
    }
    within("a copy", intake.next()).await.unwrap().ack();
    assert!(within("the other", intake.next()).await.unwrap().dead_letter().is_none());
    scene.until_ready("kitchen_dlq", 1).await;
    within("the streams", publisher.events_possible()).await;
    for stream in EventStream::ALL {
        publisher.publish(Outgoing::event(stream, "e", &request_id(), moment(), Vec::new())).await.unwrap();
    }
    scene.broker.declare("answers", FieldTable::new()).await;
    publisher.publish(Outgoing::reply("answers", None, "r", Vec::new()).unwrap()).await.unwrap();
    intake.close().await;
    for action in ["rabbitmq_connection_failed", "rabbitmq_declaration_failed"] {
        assert_eq!(scene.lines.of(action).len(), 0, "{action}");
    }
    user.remove().await;
}

#[tokio::test]
async fn a_worker_declares_and_consumes_and_publishes_and_buries() {
    let scene = Scene::new().await;
    let user = user_of(&scene, ServiceName::Kitchen).await;
    let publisher = publisher(&user.settings, ServiceName::Kitchen, &scene.lines).await;
    within("the stream", publisher.status_updates_possible()).await;
    let log = scene.lines.log.clone();
    let mut intake = OrderIntake::start(user.settings.clone(), "test", vec![TAKEOUT_QUEUE], 1, log);
    let sent = scene.sent(&[takeout("10"), takeout("10")]).await;
    let held = next(&mut intake).await;
    assert_eq!(order_of(&held), sent[0]);
    publisher.publish(Outgoing::dead_letter(&held.delivery, "burnt", moment())).await.unwrap();
    publisher.publish(news(&update())).await.unwrap();
    held.ack();
    assert!(next(&mut intake).await.dead_letter().is_none());
    scene.until_ready("kitchen_dlq", 2).await;
    for action in ["rabbitmq_connection_failed", "rabbitmq_declaration_failed"] {
        assert_eq!(scene.lines.of(action).len(), 0, "{action}");
    }
    // Only operators read dead letters.
    assert!(Pass::begin(&user.settings, "test").await.is_err());
    user.remove().await;
}

#[tokio::test]
async fn a_subscriber_declares_the_stream_and_reads_it() {
    let scene = Scene::new().await;
    let user = user_of(&scene, ServiceName::Notifier).await;
    let shutdown = Shutdown::new();
    let reading = tokio::spawn({
        let (settings, log, shutdown) = (user.settings.clone(), scene.lines.log.clone(), shutdown.clone());
        async move {
            let link = LinkState::default();
            subscribe(&settings, "test", StartAt::Next, &link, &log, &shutdown, |_| async { true }).await;
        }
    });
    scene.lines.until("rabbitmq_connected", 1).await;
    assert_eq!(scene.lines.of("rabbitmq_connection_failed").len(), 0);
    shutdown.begin();
    within("its end", reading).await.unwrap();
    user.remove().await;
}
