//! The tracker: it follows an order, and never shows the past as the present.

use browser::Look;
use serde_json::json;

use crate::restaurant::{Restaurant, more};

#[tokio::test]
async fn the_tracker_follows_the_kitchen_and_tells_when_it_is_ready() {
    let restaurant = Restaurant::open().await;
    let number = restaurant.place("Jane").await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.tracking_page(&format!("track/{number}"))).await;
    guest.sees("[aria-current=step]", "Received").await;
    let kitchen = restaurant.stage.kitchen_worker("chef_anna").cooking_seconds(6.0).start().await;
    guest.sees("[aria-current=step]", "Being cooked").await;
    guest.sees("order-tracker", "chef_anna is cooking for you").await;
    guest.picture("track-phone-cooking").await;
    guest.sees("[aria-current=step]", "Ready").await;
    guest.until("document.title.startsWith('✓ 001')").await;
    guest.picture("track-phone-ready").await;
    restaurant.staff("POST", &format!("/orders/{number}/complete"), &json!({})).await;
    guest.sees("[aria-current=step]", "Handed over").await;
    assert_eq!(guest.complaints().await, Vec::<String>::new());
    drop(kitchen);
}

#[tokio::test]
async fn a_tracker_that_is_cut_off_says_since_when_and_recovers_without_a_reload() {
    let restaurant = Restaurant::open().await;
    let number = restaurant.place("Jane").await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.tracking_page(&format!("track/{number}"))).await;
    guest.sees("freshness-line", "as of").await;
    restaurant.to_tracking.cut();
    let cut = tokio::time::Instant::now();
    guest.sees("freshness-line [role=alert]", "No connection since").await;
    let seconds = cut.elapsed().as_secs_f32();
    assert!(seconds <= 12.5, "stale after {seconds} s");
    let text = guest.run("return document.querySelector('freshness-line').innerText", vec![]).await;
    let has_time = text
        .as_str()
        .unwrap()
        .split([' ', '.'])
        .any(|word| word.len() == 8 && word.bytes().filter(|byte| *byte == b':').count() == 2);
    assert!(has_time, "{text}");
    guest.picture("track-phone-stale").await;
    restaurant.to_tracking.mend();
    guest.sees("freshness-line", "as of").await;
    guest.until("!document.querySelector('order-tracker').classList.contains('is-stale')").await;
}

#[tokio::test]
async fn an_order_that_does_not_exist_has_no_tracker() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    for wrong in ["ORD_20200101_001", "nonsense"] {
        guest.open(&restaurant.tracking_page(&format!("track/{wrong}"))).await;
        guest.sees("h1", "Nothing is served here").await;
    }
    guest.picture("not-found-phone").await;
}

#[tokio::test]
async fn the_browser_that_ordered_keeps_the_token_and_another_one_has_none() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    guest.press(&more("pho-bo")).await;
    guest.write("#customer_name", "Jane").await;
    guest.press("button[type=submit]").await;
    guest.sees("cancel-order", "Cancel this order").await;
    let address = guest.address().await;
    guest.reload().await;
    guest.sees("cancel-order", "Cancel this order").await;
    guest.press("cancel-order > button").await;
    guest.sees("dialog", "Cancel order 001?").await;
    guest.picture_of_window("track-phone-cancel").await;
    let other = restaurant.guest(Look::PHONE).await;
    other.open(&address).await;
    other.sees("[aria-current=step]", "Received").await;
    assert_eq!(other.run("return document.querySelector('cancel-order').innerText", vec![]).await, "");
}
