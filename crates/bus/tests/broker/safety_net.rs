//! `safety_net`: what lies where nobody reads it.

use amqprs::BasicProperties;
use bus::safety_net::{self, ClearError, UnroutedOrder};
use bus::topology::{SAFETY_NET_QUEUE, kitchen_queue};
use bus::{DeadLetterPublisher, Publisher};
use config::Rabbitmq;
use domain::ServiceName;
use domain::{OrderMessage, OrderType};

use crate::scene::{Scene, identity, message, outgoing, takeout};

impl Scene {
    /// Publishes orders that end up in the safety net.
    pub async fn strays(&self, count: usize) -> Vec<OrderMessage> {
        let publisher = self.other_publisher(ServiceName::Order).await;
        self.broker.delete(kitchen_queue(OrderType::Takeout)).await;
        let orders: Vec<_> = (0..count).map(|_| message(&takeout("10"))).collect();
        for order in &orders {
            publisher.publish(outgoing(order)).await.unwrap();
        }
        orders
    }

    /// Clears the safety net where nobody is checked, so nothing becomes a dead letter.
    pub async fn clear<E>(
        &self,
        name: &str,
        take: impl AsyncFnMut(&[UnroutedOrder]) -> Result<Vec<bool>, E>,
    ) -> Result<(), ClearError<E>> {
        safety_net::clear(&self.settings, name, &self.no_dead_letters(), &self.lines.log, take).await
    }

    /// One that has no connection.
    pub fn no_dead_letters(&self) -> DeadLetterPublisher {
        let nowhere = Rabbitmq { host: "127.0.0.1".to_owned(), port: 1, ..self.settings.clone() };
        let log = &self.lines.log;
        let (publisher, publishing) = Publisher::start(&nowhere, ServiceName::Order, "test", &[], log);
        publishing.abort();
        DeadLetterPublisher::new(publisher)
    }
}

#[tokio::test]
async fn what_is_taken_is_gone_and_the_rest_stays() {
    let scene = Scene::new().await;
    let orders = scene.strays(3).await;
    let mut shown = Vec::new();
    let cleared = scene.clear("test", async |strays| {
        shown.extend(strays.iter().cloned());
        Ok::<_, ()>(vec![true, false, true])
    });
    cleared.await.unwrap();
    assert!(shown.iter().all(|stray| stray.identity == Some(identity())), "{shown:?}");
    assert_eq!(shown.into_iter().map(|stray| stray.order).collect::<Vec<_>>(), orders);
    scene.until_ready(SAFETY_NET_QUEUE, 1).await;
    assert_eq!(scene.emptied(SAFETY_NET_QUEUE).await, [serde_json::to_string(&orders[1]).unwrap()]);
}

#[tokio::test]
async fn what_is_no_order_is_not_shown_and_stays() {
    let scene = Scene::new().await;
    scene.strays(1).await;
    scene.broker.publish("orders_unrouted", "", BasicProperties::default(), "no order").await;
    let cleared = scene.clear("test", async |strays| Ok::<_, ()>(vec![true; strays.len()]));
    cleared.await.unwrap();
    scene.until_ready(SAFETY_NET_QUEUE, 1).await;
    assert_eq!(scene.emptied(SAFETY_NET_QUEUE).await, ["no order"]);
}

#[tokio::test]
async fn many_are_shown_in_portions() {
    let scene = Scene::new().await;
    scene.strays(250).await;
    let mut portions = Vec::new();
    let cleared = scene.clear("test", async |strays| {
        portions.push(strays.len());
        Ok::<_, ()>(vec![true; strays.len()])
    });
    cleared.await.unwrap();
    assert_eq!(portions, [200, 50]);
    scene.until_messages(&[SAFETY_NET_QUEUE], 0).await;
}

#[tokio::test]
async fn whoever_cannot_take_them_leaves_them_there() {
    let scene = Scene::new().await;
    scene.strays(2).await;
    let cleared = scene.clear("test", async |_| Err("the database is away")).await;
    assert!(matches!(cleared, Err(ClearError::Take("the database is away"))), "{cleared:?}");
    scene.until_ready(SAFETY_NET_QUEUE, 2).await;
}

#[tokio::test]
async fn where_there_is_none_there_is_nothing_to_show() {
    let scene = Scene::new().await;
    let cleared = scene.clear("test", async |_| -> Result<Vec<bool>, ()> { panic!("shown") });
    cleared.await.unwrap();
}
