//! The board on the wall.

use browser::{Browser, Look, Theme};
use serde_json::json;

use crate::restaurant::Restaurant;

const WALL: Look = Look::of(1920, 1080, Theme::Dark);

/// The board, on numbers that a test chooses.
async fn board(restaurant: &Restaurant, numbers: &str) -> Browser {
    let wall = restaurant.guest(WALL).await;
    wall.open(&restaurant.tracking_page("board")).await;
    let stub = format!(
        "window.fetch = async () => new Response(JSON.stringify({numbers}), {{ headers: {{ 'Content-Type': 'application/json' }} }})"
    );
    wall.run(&stub, vec![]).await;
    wall
}

#[tokio::test]
async fn many_numbers_stay_on_the_board_and_the_rest_is_counted() {
    let restaurant = Restaurant::open().await;
    let numbers = "{ as_of: '', preparing: Array.from({ length: 40 }, (_, i) => `ORD_20261130_${100 + i}`), ready: Array.from({ length: 12 }, (_, i) => `ORD_20261130_${String(i + 1).padStart(3, '0')}`) }";
    let wall = board(&restaurant, numbers).await;
    wall.sees(".is-ready", "012").await;
    wall.sees(".is-preparing", "139").await;
    let fits = "[...document.querySelectorAll('.board-numbers')].every((each) => each.scrollHeight <= each.clientHeight + 1)";
    wall.until(fits).await;
    wall.picture_of_window("board-wall").await;
    wall.look(Look::PHONE).await;
    wall.picture("board-phone").await;
}

#[tokio::test]
async fn an_order_is_prepared_then_ready_and_gone_when_it_is_handed_over() {
    let restaurant = Restaurant::open().await;
    let wall = restaurant.guest(WALL).await;
    wall.open(&restaurant.tracking_page("board")).await;
    wall.sees(".is-preparing", "Nothing is being prepared").await;
    wall.sees(".is-ready", "Nothing is waiting").await;
    let number = restaurant.place("Jane").await;
    wall.sees(".is-preparing .board-numbers", "001").await;
    let _kitchen = restaurant.stage.kitchen_worker("chef_anna").cooking_seconds(2.0).start().await;
    wall.sees(".is-ready .board-numbers", "001").await;
    wall.sees(".is-preparing", "Nothing is being prepared").await;
    wall.picture_of_window("board-wall-ready").await;
    restaurant.staff("POST", &format!("/orders/{number}/complete"), &json!({})).await;
    wall.sees(".is-ready", "Nothing is waiting").await;
    assert_eq!(wall.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_board_whose_service_was_killed_keeps_its_numbers_and_says_since_when() {
    let mut restaurant = Restaurant::open().await;
    restaurant.place("Jane").await;
    let wall = restaurant.guest(WALL).await;
    wall.open(&restaurant.tracking_page("board")).await;
    wall.sees(".is-preparing .board-numbers", "001").await;
    wall.run("window.wasNeverReloaded = true", vec![]).await;
    restaurant.tracking.kill().await;
    let killed = tokio::time::Instant::now();
    wall.sees("freshness-line [role=alert]", "No connection since").await;
    let seconds = killed.elapsed().as_secs_f32();
    assert!(seconds <= 12.5, "stale after {seconds} s");
    wall.sees("ready-board.is-stale .is-preparing .board-numbers", "001").await;
    wall.picture_of_window("board-wall-stale").await;
    restaurant.place("John").await;
    restaurant.restart_tracking().await;
    wall.sees("ready-board:not(.is-stale) .is-preparing .board-numbers", "002").await;
    assert_eq!(wall.run("return window.wasNeverReloaded", vec![]).await, json!(true));
}
