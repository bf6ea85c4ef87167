//! `inspection`: a look that changes nothing.

use bus::SessionError;
use bus::inspection::{
    CountError, Depth, Found, Inspection, Needs, PartState, Right, dead_letters, inspect, kitchen_queues,
    queues,
};
use bus::topology::{DEAD_LETTER_QUEUE, NOTIFICATIONS_QUEUE, SAFETY_NET_QUEUE};
use config::Rabbitmq;
use devcluster::Credentials;
use domain::{OrderType, ServiceName};
use testkit::wait::within;

use crate::scene::{DINE_IN_QUEUE, Scene, TAKEOUT_QUEUE, at_table, takeout};

const ALL: Needs = Needs { orders: true, intake: false, notifications: true };
const PASSWORD: &str = "a password";

/// A user of this vhost with these permissions.
pub struct User<'a> {
    scene: &'a Scene,
    pub settings: Rabbitmq,
}

impl<'a> User<'a> {
    /// The permissions to configure, to write and to read, as regular expressions.
    pub async fn new(scene: &'a Scene, name: &str, rights: [&str; 3]) -> Self {
        let name = format!("{}_{name}", scene.stage.name);
        let credentials = Credentials { user: name.clone(), password: PASSWORD.into() };
        let admin = scene.stage.servers.rabbitmq_admin();
        admin.ensure_user(&credentials, &scene.stage.name, rights).await.unwrap();
        let settings = Rabbitmq { user: name, password: PASSWORD.into(), ..scene.settings.clone() };
        Self { scene, settings }
    }

    pub async fn remove(self) {
        let path = format!("/api/users/{}", self.settings.user);
        self.scene.stage.servers.rabbitmq_admin().request("DELETE", &path, None).await.unwrap();
    }
}

impl Scene {
    /// Declares the whole topology.
    async fn all_declared(&self) {
        let publisher = self.other_publisher(ServiceName::Order).await;
        within("the stream", publisher.status_updates_possible()).await;
    }
}

fn state_of<'a>(found: &'a Inspection, name: &str) -> &'a PartState {
    &found.parts.iter().find(|part| part.name == name).unwrap().state
}

#[tokio::test]
async fn queues_are_told_with_what_waits_in_them() {
    let scene = Scene::new().await;
    scene.all_declared().await;
    scene.sent(&[takeout("10"), takeout("10"), at_table()]).await;
    scene.broker.delete(DINE_IN_QUEUE).await;
    let found = queues(&scene.settings, "test", false).await.unwrap();
    assert_eq!(found.depth(TAKEOUT_QUEUE), Some(Depth { messages: 2, consumers: Some(0) }));
    assert_eq!(found.depth(NOTIFICATIONS_QUEUE).unwrap().consumers, None);
    assert_eq!(found.depth(DEAD_LETTER_QUEUE), Some(Depth { messages: 0, consumers: Some(0) }));
    assert_eq!(found.depth(DINE_IN_QUEUE), None);
    let of = |order_type| found.messages_in_queue_of(order_type);
    assert_eq!((of(OrderType::Takeout), of(OrderType::DineIn)), (2, 0));
}

/// Zero is a claim: a queue that cannot be reached may have messages.
#[tokio::test]
async fn dead_letters_are_none_only_where_there_is_no_queue_for_them() {
    let scene = Scene::new().await;
    assert_eq!(dead_letters(&scene.settings, "test").await.unwrap(), None);
    scene.all_declared().await;
    scene.broker.publish("orders_dlx", "", amqprs::BasicProperties::default(), "anything").await;
    scene.until_ready(DEAD_LETTER_QUEUE, 1).await;
    assert_eq!(dead_letters(&scene.settings, "test").await.unwrap(), Some(1));
    scene.broker.lose(DEAD_LETTER_QUEUE).await;
    let untold = dead_letters(&scene.settings, "test").await;
    assert!(matches!(untold, Err(CountError::Untold { .. })), "{untold:?}");
    let found = queues(&scene.settings, "test", false).await.unwrap();
    assert!(matches!(found.found(DEAD_LETTER_QUEUE), Some(Found::Untold(_))), "{found:?}");
    scene.broker.free_name(DEAD_LETTER_QUEUE).await;
}

#[tokio::test]
async fn a_consumer_is_counted() {
    let scene = Scene::new().await;
    scene.declared().await;
    let _intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    testkit::eventually("the consumer to be there", async || {
        let found = kitchen_queues(&scene.settings, "test").await.unwrap();
        (found.depth(TAKEOUT_QUEUE)? == Depth { messages: 0, consumers: Some(1) }).then_some(())
    })
    .await;
}

#[tokio::test]
async fn orders_in_the_safety_net_may_be_of_any_type() {
    let scene = Scene::new().await;
    scene.sent(&[takeout("10"), at_table()]).await;
    scene.broker.publish("orders_unrouted", "", amqprs::BasicProperties::default(), "anything").await;
    let found = kitchen_queues(&scene.settings, "test").await.unwrap();
    assert_eq!(found.messages_of(OrderType::Takeout), 2);
    assert_eq!(found.messages_of(OrderType::Delivery), 1);
}

#[tokio::test]
async fn of_a_queue_that_is_not_there_nothing_is_told_and_it_is_not_made() {
    let scene = Scene::new().await;
    let found = queues(&scene.settings, "test", false).await.unwrap();
    assert_eq!(found.0.len(), 6);
    assert!(found.0.iter().all(|queue| queue.found == Found::Absent), "{found:?}");
    let found = inspect(&scene.settings, "test", ALL).await.unwrap();
    assert!(found.parts.iter().all(|part| part.state == PartState::Absent), "{found:?}");
    assert!(found.missing_rights.is_empty() && found.takes_messages == Some(true), "{found:?}");
    let again = inspect(&scene.settings, "test", ALL).await.unwrap();
    assert_eq!(again, found, "a look leaves nothing behind");
    assert_eq!(scene.broker.bindings().await.as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn what_is_for_orders_by_message_is_looked_for_where_it_is_needed() {
    let scene = Scene::new().await;
    scene.all_declared().await;
    let intake = Needs { intake: true, ..ALL };
    let absent = async || {
        let found = inspect(&scene.settings, "test", intake).await.unwrap();
        assert_eq!((found.parts.len(), found.missing_rights), (16, Vec::new()));
        let absent = found.parts.into_iter().filter(|part| part.state == PartState::Absent);
        absent.map(|part| format!("{} {}", part.kind, part.name)).collect::<Vec<_>>()
    };
    let all = [
        "exchange order_status_updates",
        "exchange db_write_order_status",
        "queue validated_orders",
        "queue order_status_updates",
        "queue db_write_order_status",
    ];
    assert_eq!(absent().await, all);
    let _publisher = scene.publisher_of_events().await;
    assert_eq!(absent().await, ["queue validated_orders"]);
    scene.requests(&scene.settings, 1).await.close().await;
    assert_eq!(absent().await, [] as [&str; 0]);
    scene.request(amqprs::BasicProperties::default(), "a request").await;
    let found = queues(&scene.settings, "test", true).await.unwrap();
    assert_eq!(found.depth("validated_orders"), Some(Depth { messages: 1, consumers: Some(0) }));
    assert_eq!(found.depth("order_status_updates").unwrap().consumers, None);
    assert_eq!(queues(&scene.settings, "test", false).await.unwrap().0.len(), 6);
}

#[tokio::test]
async fn each_right_for_orders_by_message_that_is_missing_is_named() {
    let scene = Scene::new().await;
    let _publisher = scene.publisher_of_events().await;
    scene.requests(&scene.settings, 1).await.close().await;
    let orders = bus::permissions::of(ServiceName::Kitchen).unwrap();
    let user = User::new(&scene, "nobody", [&orders.configure, &orders.write, &orders.read]).await;
    let needs = Needs { orders: true, intake: true, notifications: false };
    let missing = inspect(&user.settings, "test", needs).await.unwrap().missing_rights;
    let of = |right| missing.iter().filter(move |(missing, _)| *missing == right).map(|(_, name)| *name);
    assert_eq!(of(Right::Write).next(), Some("amq.default"));
    assert_eq!(of(Right::Read).collect::<Vec<_>>(), ["validated_orders"]);
    assert_eq!(of(Right::Configure).filter(|name| *name == "validated_orders").count(), 1);
    assert_eq!(
        inspect(&user.settings, "test", Needs { intake: false, ..needs }).await.unwrap().missing_rights,
        []
    );
    user.remove().await;
}

#[tokio::test]
async fn what_was_declared_is_as_declared() {
    let scene = Scene::new().await;
    scene.all_declared().await;
    let found = inspect(&scene.settings, "test", ALL).await.unwrap();
    assert_eq!(found.parts.len(), 11);
    assert!(found.parts.iter().all(|part| part.state == PartState::AsDeclared), "{found:?}");
    assert_eq!(found.product, "RabbitMQ");
}

#[tokio::test]
async fn other_settings_are_told_in_the_brokers_words() {
    let scene = Scene::new().await;
    scene.strange_queue(TAKEOUT_QUEUE).await;
    scene.strange_exchange("notifications_fanout", "direct").await;
    let found = inspect(&scene.settings, "test", ALL).await.unwrap();
    for (name, argument) in [(TAKEOUT_QUEUE, "x-"), ("notifications_fanout", "'type'")] {
        let PartState::Differs(why) = state_of(&found, name) else { panic!("{name}: {found:?}") };
        assert!(why.contains("inequivalent arg") && why.contains(argument), "{why}");
    }
    assert_eq!(*state_of(&found, SAFETY_NET_QUEUE), PartState::Absent);
}

#[tokio::test]
async fn a_look_disturbs_no_message_and_no_consumer() {
    let scene = Scene::new().await;
    scene.all_declared().await;
    scene.sent(&[takeout("10")]).await;
    let intake = scene.intake(&[DINE_IN_QUEUE], 1).await;
    inspect(&scene.settings, "test", ALL).await.unwrap();
    assert_eq!(scene.broker.messages(&[TAKEOUT_QUEUE, DEAD_LETTER_QUEUE, NOTIFICATIONS_QUEUE]).await, 1);
    assert_eq!(scene.lines.of("rabbitmq_connection_failed").len(), 0);
    intake.close().await;
}

#[tokio::test]
async fn each_right_that_is_missing_is_named() {
    let scene = Scene::new().await;
    scene.all_declared().await;
    let user = User::new(&scene, "nobody", ["^$", "^$", "^$"]).await;
    let found = inspect(&user.settings, "test", ALL).await.unwrap();
    let missing = |right| {
        let names =
            found.missing_rights.iter().filter(|(missing, _)| *missing == right).map(|(_, name)| *name);
        names.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(missing(Right::Configure).len(), 11, "{found:?}");
    // To publish to five exchanges, to bind six queues.
    assert_eq!(missing(Right::Write).len(), 11, "{found:?}");
    let read =
        [TAKEOUT_QUEUE, "kitchen_delivery_queue", DINE_IN_QUEUE, SAFETY_NET_QUEUE, NOTIFICATIONS_QUEUE];
    assert_eq!(missing(Right::Read), read.into());
    user.remove().await;
}

#[tokio::test]
async fn a_subscriber_needs_less() {
    let scene = Scene::new().await;
    let user = User::new(&scene, "nobody", ["^$", "^$", "^$"]).await;
    let needs = Needs { orders: false, intake: false, notifications: true };
    let found = inspect(&user.settings, "test", needs).await.unwrap();
    assert_eq!(found.parts.len(), 2);
    let names: Vec<_> = found.parts.iter().map(|part| part.name).collect();
    assert!(found.missing_rights.iter().all(|(_, name)| names.contains(name)), "{found:?}");
    assert!(!found.missing_rights.contains(&(Right::Write, "notifications_fanout")), "{found:?}");
    user.remove().await;
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_why() {
    let scene = Scene::new().await;
    let nowhere = Rabbitmq { vhost: "nowhere".to_owned(), ..scene.settings.clone() };
    let why = bus::check(&nowhere, "test").await.unwrap_err();
    assert!(matches!(&why, SessionError::Refused { vhost, .. } if vhost == "nowhere"), "{why:?}");
    assert!(why.to_string().contains("add_vhost"), "{why}");
    bus::check(&scene.settings, "test").await.unwrap();
}
