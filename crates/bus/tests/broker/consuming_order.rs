//! `orders`: the most urgent order comes first, from whichever queue.

use bus::orders::OrderIntake;
use domain::OrderNumber;

use crate::scene::{DINE_IN_QUEUE, Scene, TAKEOUT_QUEUE, at_table, next, order_of, takeout};

/// Receives and acknowledges this many orders, and returns their numbers.
async fn numbers(intake: &mut OrderIntake, count: usize) -> Vec<OrderNumber> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        let held = next(intake).await;
        numbers.push(order_of(&held).order_number);
        held.ack();
    }
    numbers
}

#[tokio::test]
async fn of_one_queue_the_more_expensive_come_first_and_of_the_same_the_older() {
    let scene = Scene::new().await;
    let sent = scene.sent(&["10", "60", "120", "20", "70", "130"].map(takeout)).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    let expected = [2, 5, 1, 4, 0, 3].map(|place: usize| sent[place].order_number);
    assert_eq!(numbers(&mut intake, 6).await, expected);
}

#[tokio::test]
async fn of_several_queues_the_more_expensive_come_first() {
    let scene = Scene::new().await;
    // `at_table` costs 29.99.
    let sent = scene.sent(&[at_table(), takeout("60"), at_table(), takeout("130")]).await;
    let mut intake = scene.intake(&[DINE_IN_QUEUE, TAKEOUT_QUEUE], 1).await;
    let found = numbers(&mut intake, 4).await;
    assert_eq!(found[..2], [sent[3].order_number, sent[1].order_number]);
}

#[tokio::test]
async fn of_several_queues_none_waits_until_another_is_empty() {
    let scene = Scene::new().await;
    let mut orders = vec![takeout("10"); 6];
    orders.push(at_table());
    let sent = scene.sent(&orders).await;
    // All have the same timestamp, so only the rotation of the queues decides.
    let mut intake = scene.intake(&[TAKEOUT_QUEUE, DINE_IN_QUEUE], 1).await;
    let found = numbers(&mut intake, 7).await;
    let place = found.iter().position(|number| *number == sent[6].order_number).unwrap();
    assert!(place < 6, "{found:?}");
}

#[tokio::test]
async fn what_is_put_back_takes_its_old_place() {
    let scene = Scene::new().await;
    let sent = scene.sent(&["10", "20"].map(takeout)).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 1).await;
    next(&mut intake).await.requeue();
    let expected: Vec<_> = sent.iter().map(|order| order.order_number).collect();
    assert_eq!(numbers(&mut intake, 2).await, expected);
}

#[tokio::test]
async fn with_many_places_those_that_arrive_together_are_sorted_too() {
    let scene = Scene::new().await;
    let sent = scene.sent(&["10", "60", "120"].map(takeout)).await;
    let mut intake = scene.intake(&[TAKEOUT_QUEUE], 16).await;
    let found = numbers(&mut intake, 3).await;
    assert_eq!(found, [2, 1, 0].map(|place: usize| sent[place].order_number));
}
