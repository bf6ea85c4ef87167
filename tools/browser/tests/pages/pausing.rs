//! A pause of the intake, as guests see it: before they choose, and after a refusal.

use browser::{Browser, Look};
use serde_json::json;
use testkit::http::send;

use crate::restaurant::{Restaurant, STAFF_KEY, more};

const MESSAGE: &str = "The oven is off. Back in five minutes.";
const OPEN_AGAIN: &str = "You can order again now";

async fn pause(restaurant: &Restaurant) {
    restaurant.staff("POST", "/intake/pause", &json!({"minutes": 5, "message": MESSAGE})).await;
}

async fn resume(restaurant: &Restaurant) {
    let key = format!("Bearer {STAFF_KEY}");
    let headers = [("Authorization", key.as_str())];
    let answer = send(restaurant.order.port(), "DELETE", "/intake/pause", &headers, b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Lets a pause end at this time, as the database has it.
async fn let_end(restaurant: &Restaurant, time: &str) {
    let sql = format!("update intake_pauses set paused_until = {time}");
    restaurant.stage.database().await.execute(&sql).await;
}

async fn is_told(guest: &Browser, selector: &str) {
    guest.sees(selector, "We take no orders at the moment").await;
    guest.sees(selector, MESSAGE).await;
}

async fn nothing_is_told(guest: &Browser) {
    guest.until("!document.querySelector('intake-banner').innerText").await;
    guest.until("!document.querySelector('.form-notice').innerText").await;
}

#[tokio::test]
async fn a_pause_is_told_before_a_guest_chooses_and_goes_when_the_staff_ends_it() {
    let restaurant = Restaurant::open().await;
    pause(&restaurant).await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    is_told(&guest, "intake-banner").await;
    is_told(&guest, ".form-notice").await;
    guest.picture_of_window("order-phone-paused").await;
    resume(&restaurant).await;
    nothing_is_told(&guest).await;
    // One that begins while the page is open is told, too.
    pause(&restaurant).await;
    is_told(&guest, "intake-banner").await;
    // It ends by itself.
    let_end(&restaurant, "now() + interval '2 seconds'").await;
    nothing_is_told(&guest).await;
    assert_eq!(guest.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_notice_of_a_refused_order_goes_when_orders_are_taken_again() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    guest.press(&more("pho-bo")).await;
    guest.write("#customer_name", "Jane").await;
    pause(&restaurant).await;
    guest.press("button[type=submit]").await;
    is_told(&guest, ".form-notice").await;
    is_told(&guest, "intake-banner").await;
    assert_eq!(restaurant.orders().await, json!(0));
    resume(&restaurant).await;
    guest.sees(".form-notice", OPEN_AGAIN).await;
    guest.until("!document.querySelector('intake-banner').innerText").await;
    guest.press("button[type=submit]").await;
    guest.sees("order-tracker h1", "We have your order").await;
    assert_eq!(restaurant.orders().await, json!(1));
}

/// Behind a balancer the next look may reach a service that does not know the pause yet.
#[tokio::test]
async fn a_refusal_is_not_followed_by_an_answer_of_a_service_that_does_not_know_the_pause() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    guest.press(&more("pho-bo")).await;
    guest.write("#customer_name", "Jane").await;
    let learns_late = r"
        const ask = window.fetch;
        let refusedAt = Infinity;
        window.told = '';
        window.fetch = async (url, options) => {
            const path = new URL(url, location).pathname;
            const since = performance.now() - refusedAt;
            if (path === '/intake' && since < 900) return Response.json({ accepting: true });
            const answer = await ask(url, options);
            if (path === '/intake' && since >= 900) window.hasLookedAgain = true;
            if (answer.status === 503) refusedAt = performance.now();
            return answer;
        };
        const notice = document.querySelector('.form-notice');
        new MutationObserver(() => { window.told += notice.innerText; })
            .observe(notice, { childList: true, subtree: true, characterData: true });";
    guest.run(learns_late, vec![]).await;
    pause(&restaurant).await;
    guest.press("button[type=submit]").await;
    is_told(&guest, ".form-notice").await;
    guest.until("window.hasLookedAgain").await;
    is_told(&guest, ".form-notice").await;
    is_told(&guest, "intake-banner").await;
    let told = guest.run("return window.told", vec![]).await;
    assert!(!told.as_str().unwrap().contains(OPEN_AGAIN), "{told}");
}

#[tokio::test]
async fn nobody_is_told_to_come_back_before_the_end() {
    let restaurant = Restaurant::open().await;
    pause(&restaurant).await;
    let_end(&restaurant, "date_trunc('minute', now()) + interval '9 minutes 50 seconds'").await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    let database = restaurant.stage.database().await;
    let end = "select extract(epoch from date_trunc('minute', paused_until) + interval '1 minute')::int
               from intake_pauses";
    let end = database.value(end).await;
    // A person's clock shows the time of the browser's place.
    let shown = format!("return new Date({end} * 1000).toTimeString().slice(0, 5)");
    let shown = guest.run(&shown, vec![]).await;
    let shown = format!("Come back at {}.", shown.as_str().unwrap());
    guest.sees("intake-banner", &shown).await;
    guest.sees(".form-notice", &shown).await;
}
