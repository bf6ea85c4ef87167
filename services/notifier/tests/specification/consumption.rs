//! "Message Consumption" and "Message Acknowledgement": every subscriber sees every change once, in
//! sequence.

use testkit::{Stage, orders};

use crate::updates::{cooking, number, publish, publish_as, publish_orders, sentences, shown_until};

#[tokio::test]
async fn two_subscribers_both_see_every_change_of_real_orders() {
    let stage = Stage::new().await;
    let (first, second) = (stage.subscriber().start().await, stage.subscriber().start().await);
    let order_service = stage.order_service().start().await;
    let _cook = stage.kitchen_worker("chef_mario").start().await;
    let mut numbers = Vec::new();
    for order in [orders::takeout(), orders::dine_in(), orders::delivery()] {
        numbers.push(order_service.place(&order).await);
    }
    for subscriber in [&first, &second] {
        subscriber.logs("notification_received", 2 * numbers.len()).await;
        for number in &numbers {
            let of_order: Vec<_> =
                subscriber.console().into_iter().filter(|line| line.contains(number.as_str())).collect();
            assert_eq!(
                of_order,
                [
                    format!(
                        "Notification for order {number}: Status changed from 'received' to 'cooking' by chef_mario."
                    ),
                    format!(
                        "Notification for order {number}: Status changed from 'cooking' to 'ready' by chef_mario."
                    ),
                ]
            );
        }
    }
    assert_eq!(first.console(), second.console(), "in the same order");
}

#[tokio::test]
async fn messages_come_in_their_order_and_are_acknowledged() {
    // Far more than the prefetch: without acknowledgements the stream would stall.
    const MANY: u32 = 1_000;
    let stage = Stage::new().await;
    let subscriber = stage.subscriber().start().await;
    let broker = stage.broker().await;
    publish_orders(&broker, 1..=MANY).await;
    assert_eq!(shown_until(&subscriber, MANY).await, sentences(1..=MANY));
}

#[tokio::test]
async fn it_starts_with_the_next_message() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let earlier = stage.subscriber().start().await;
    publish_orders(&broker, 1..=3).await;
    shown_until(&earlier, 3).await;
    for subscriber in [stage.subscriber(), stage.subscriber().arg("--from=next")] {
        let subscriber = subscriber.start().await;
        publish_orders(&broker, 4..=4).await;
        assert_eq!(shown_until(&subscriber, 4).await, sentences(4..=4));
    }
}

#[tokio::test]
async fn earlier_messages_can_be_replayed() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    stage.subscriber().start().await.stop().await;
    publish_orders(&broker, 1..=300).await;
    for from in ["--from=first", "--from=1h", "--from=2d"] {
        let subscriber = stage.subscriber().arg(from).start().await;
        assert_eq!(shown_until(&subscriber, 300).await, sentences(1..=300), "{from}");
    }
    let subscriber = stage.subscriber().arg("--from").arg("90s").start().await;
    publish_orders(&broker, 301..=301).await;
    assert_eq!(shown_until(&subscriber, 301).await, sentences(1..=301));
}

#[tokio::test]
async fn changes_of_before_the_first_subscriber_are_kept_for_it() {
    let stage = Stage::new().await;
    let order_service = stage.order_service().start().await;
    let cook = stage.kitchen_worker("chef_mario").start().await;
    let placed = order_service.place(&orders::takeout()).await;
    cook.log("order_completed").await;
    let subscriber = stage.subscriber().arg("--from=first").start().await;
    let shown = subscriber.logs("notification_received", 2).await;
    assert!(shown.iter().all(|line| line["details"]["order_number"] == *placed), "{shown:?}");
}

#[tokio::test]
async fn a_message_that_was_published_twice_is_shown_once() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let subscriber = stage.subscriber().start().await;
    for _ in 0..3 {
        publish_as(&broker, "ORD_20241216_001.cooking.1", &cooking(1).to_string()).await;
    }
    publish(&broker, &cooking(2)).await;
    assert_eq!(shown_until(&subscriber, 2).await, sentences(1..=2));
    let repeats = subscriber.logs("notification_repeated", 2).await;
    assert_eq!(repeats[0]["details"]["order_number"], number(1));
}

#[tokio::test]
async fn without_a_message_id_a_repeat_is_recognised_by_its_body() {
    let stage = Stage::new().await;
    let broker = stage.broker().await;
    let subscriber = stage.subscriber().start().await;
    for place in [1, 1, 2] {
        let body = cooking(place).to_string();
        broker.publish(crate::updates::EXCHANGE, "", amqprs::BasicProperties::default(), &body).await;
    }
    assert_eq!(shown_until(&subscriber, 2).await, sentences(1..=2));
}
