//! The board on the wall.

use browser::{Browser, Look, Theme};

const WALL: Look = Look::of(1920, 1080, Theme::Dark);

/// The board, on numbers that a test chooses.
async fn board(restaurant: &crate::restaurant::Restaurant, numbers: &str) -> Browser {
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
    let restaurant = crate::restaurant::Restaurant::open().await;
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
