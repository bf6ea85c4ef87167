//! The tracker: it follows an order, and never shows the past as the present.

use browser::{Browser, Look};
use serde_json::json;
use testkit::eventually;
use tokio::time::Instant;

use crate::restaurant::{Restaurant, more};

/// Longer than a page may show the past as the present.
const LONG: f64 = 12.0;
/// Whether the tracker says that it is stale.
const IS_STALE: &str = "return document.querySelector('order-tracker').classList.contains('is-stale')";

/// Opens the tracker of a new order, and waits until it has a stream.
async fn followed(restaurant: &Restaurant, guest: &Browser) -> String {
    let number = restaurant.place("Jane").await;
    guest.open(&restaurant.tracking_page(&format!("track/{number}"))).await;
    guest.sees("[aria-current=step]", "Received").await;
    eventually("a stream", async || (restaurant.streams_asked_for() == 1).then_some(())).await;
    number
}

/// Waits until the tracker says since when it is stale: in time, and with a time of the day.
async fn says_since_when_it_is_stale(guest: &Browser, cut: Instant) {
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
    assert_eq!(guest.run(IS_STALE, vec![]).await, json!(true));
}

/// Waits until it is true again. It is the same page as before.
async fn has_healed(guest: &Browser) {
    guest.sees("freshness-line", "as of").await;
    guest.until(&format!("!({})", IS_STALE.trim_start_matches("return "))).await;
    assert_eq!(guest.run("return window.wasNeverReloaded", vec![]).await, json!(true));
}

#[tokio::test]
async fn the_tracker_follows_the_kitchen_and_tells_when_it_is_ready() {
    let restaurant = Restaurant::open().await;
    let number = restaurant.place("Jane").await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.tracking_page(&format!("track/{number}"))).await;
    guest.sees("[aria-current=step]", "Received").await;
    guest.sees("order-tracker .ticket-eta", "Ready between").await;
    guest.sees("order-tracker", "You are next.").await;
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
async fn the_tracker_asks_only_those_to_come_who_take_their_order_away() {
    let restaurant = Restaurant::open().await;
    let of_types = [
        (
            json!({"customer_name": "Jane", "order_type": "takeout"}),
            "Please come and fetch it.",
            "Thank you for your visit.",
        ),
        (
            json!({"customer_name": "Jane", "order_type": "dine_in", "table_number": 7}),
            "We bring it to your table.",
            "Thank you for your visit.",
        ),
        (
            json!({"customer_name": "Jane", "order_type": "delivery", "delivery_address": "12 Garden Lane"}),
            "It is on its way to you.",
            "Thank you for your order.",
        ),
    ];
    let _kitchen = restaurant.stage.kitchen_worker("chef_anna").start().await;
    let guest = restaurant.guest(Look::PHONE).await;
    for (order, when_ready, when_completed) in of_types {
        let number = restaurant.place_as(order).await;
        guest.open(&restaurant.tracking_page(&format!("track/{number}"))).await;
        guest.sees(".ticket-news", when_ready).await;
        restaurant.staff("POST", &format!("/orders/{number}/complete"), &json!({})).await;
        guest.sees(".ticket-news", when_completed).await;
        // The same for whoever comes later.
        guest.reload().await;
        guest.sees(".ticket-news", when_completed).await;
    }
    assert_eq!(guest.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_tracker_that_is_cut_off_says_since_when_and_recovers_without_a_reload() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    followed(&restaurant, &guest).await;
    guest.run("window.wasNeverReloaded = true", vec![]).await;
    for proxy in [&restaurant.to_tracking, &restaurant.to_postgres] {
        guest.sees("freshness-line", "as of").await;
        proxy.cut();
        says_since_when_it_is_stale(&guest, Instant::now()).await;
        guest.picture("track-phone-stale").await;
        proxy.mend();
        has_healed(&guest).await;
    }
}

#[tokio::test]
async fn a_tracker_whose_service_was_killed_shows_what_happened_meanwhile_without_a_reload() {
    let mut restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    followed(&restaurant, &guest).await;
    guest.run("window.wasNeverReloaded = true", vec![]).await;
    restaurant.tracking.kill().await;
    let killed = Instant::now();
    let _kitchen = restaurant.stage.kitchen_worker("chef_anna").start().await;
    says_since_when_it_is_stale(&guest, killed).await;
    guest.sees("[aria-current=step]", "Received").await;
    restaurant.restart_tracking().await;
    guest.sees("[aria-current=step]", "Ready").await;
    has_healed(&guest).await;
    // It has a stream again.
    eventually("a stream", async || (restaurant.streams_asked_for() == 1).then_some(())).await;
}

#[tokio::test]
async fn a_tracker_is_true_by_its_stream_alone() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    followed(&restaurant, &guest).await;
    guest.run("window.fetch = () => Promise.reject(new TypeError('cut'))", vec![]).await;
    let _kitchen = restaurant.stage.kitchen_worker("chef_anna").cooking_seconds(LONG).start().await;
    guest.sees("[aria-current=step]", "Being cooked").await;
    guest.sees("[aria-current=step]", "Ready").await;
    assert_eq!(guest.run(IS_STALE, vec![]).await, json!(false));
}

#[tokio::test]
async fn a_tracker_without_a_stream_asks_again_and_again() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    let no_stream = "
        delete window.SharedWorker;
        {
            const ask = window.fetch;
            const refused = () => Promise.resolve(new Response('', { status: 503 }));
            window.fetch = (url, ...more) => String(url).endsWith('/events') ? refused() : ask(url, ...more);
        }";
    guest.before_every_page(no_stream).await;
    let number = restaurant.place("Jane").await;
    guest.open(&restaurant.tracking_page(&format!("track/{number}"))).await;
    guest.sees("[aria-current=step]", "Received").await;
    let _kitchen = restaurant.stage.kitchen_worker("chef_anna").cooking_seconds(LONG).start().await;
    guest.sees("[aria-current=step]", "Being cooked").await;
    guest.sees("[aria-current=step]", "Ready").await;
    assert_eq!(guest.run(IS_STALE, vec![]).await, json!(false));
    assert_eq!(restaurant.streams_asked_for(), 0);
}

#[tokio::test]
async fn all_tabs_of_a_browser_share_one_stream() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    let number = followed(&restaurant, &guest).await;
    let mut tabs = Vec::new();
    for _ in 0..6 {
        let tab = guest.open_tab(&restaurant.tracking_page(&format!("track/{number}"))).await;
        guest.sees("[aria-current=step]", "Received").await;
        tabs.push(tab);
    }
    let _kitchen = restaurant.stage.kitchen_worker("chef_anna").start().await;
    for tab in &tabs {
        guest.to_tab(tab).await;
        guest.sees("[aria-current=step]", "Ready").await;
    }
    assert_eq!(restaurant.streams_asked_for(), 1);
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
    guest.press("main a").await;
    guest.sees("menu-list", "Phở bò").await;
    assert_eq!(guest.address().await, restaurant.order_page(""));
}

#[tokio::test]
async fn the_browser_that_ordered_can_cancel_and_another_one_cannot() {
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
    let other = restaurant.guest(Look::PHONE).await;
    other.open(&address).await;
    other.sees("[aria-current=step]", "Received").await;
    assert_eq!(other.run("return document.querySelector('cancel-order').innerText", vec![]).await, "");
    guest.press("cancel-order > button").await;
    guest.sees("dialog", "Cancel order 001?").await;
    guest.picture_of_window("track-phone-cancel").await;
    guest.press("dialog .button-danger").await;
    guest.sees("[aria-current=step]", "Cancelled").await;
    guest.until("document.title.startsWith('✕ 001')").await;
    other.sees("[aria-current=step]", "Cancelled").await;
    guest.picture("track-phone-cancelled").await;
    assert_eq!(guest.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_browser_that_ordered_sees_what_it_ordered_and_why_it_was_cancelled() {
    let restaurant = Restaurant::open().await;
    restaurant.tenth_off("Soup day").await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("?table=7")).await;
    guest.press(&more("pho-bo")).await;
    guest.press(&more("pho-bo")).await;
    guest.write("#customer_name", "Jane").await;
    guest.press("button[type=submit]").await;
    for text in ["Table 7", "2 × Phở bò", "$18.00", "Soup day", "-$1.80", "$16.20"] {
        guest.sees("own-order", text).await;
    }
    guest.picture("track-phone-own").await;
    let address = guest.address().await;
    let other = restaurant.guest(Look::PHONE).await;
    other.open(&address).await;
    other.sees("[aria-current=step]", "Received").await;
    let number = address.rsplit('/').next().unwrap();
    let why = json!({"reason": "<b>No</b> broth left"});
    restaurant.staff("POST", &format!("/orders/{number}/cancel"), &why).await;
    guest.sees(".ticket-news", "The reason: <b>No</b> broth left").await;
    other.sees("[aria-current=step]", "Cancelled").await;
    for own in ["order-tracker own-order", ".ticket-news [dir=auto]"] {
        let is_shown = format!("return document.querySelector('{own}').checkVisibility()");
        assert_eq!(other.run(&is_shown, vec![]).await, json!(false), "{own}");
    }
    assert_eq!(guest.complaints().await, Vec::<String>::new());
}

/// Orders as a guest, and is at the tracker.
async fn orders(restaurant: &Restaurant, guest: &Browser) {
    guest.open(&restaurant.order_page("")).await;
    guest.press(&more("pho-bo")).await;
    guest.write("#customer_name", "Jane").await;
    guest.press("button[type=submit]").await;
    guest.sees("[aria-current=step]", "Received").await;
}

/// The first look at the whole order is answered last.
#[tokio::test]
async fn an_old_answer_that_comes_late_does_not_take_the_reason_away() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    let first_is_slow = r"
        const ask = window.fetch;
        window.fetch = async (url, options) => {
            const answer = await ask(url, options);
            if (window.letThrough || !/\/orders\/ORD_\w+$/.test(String(url))) return answer;
            await new Promise((done) => { window.letThrough = done; });
            setTimeout(() => { window.cameThrough = true; }, 100);
            return answer;
        };";
    guest.before_every_page(first_is_slow).await;
    orders(&restaurant, &guest).await;
    guest.until("Boolean(window.letThrough)").await;
    let address = guest.address().await;
    let number = address.rsplit('/').next().unwrap();
    let why = json!({"reason": "No broth left"});
    restaurant.staff("POST", &format!("/orders/{number}/cancel"), &why).await;
    guest.sees(".ticket-news", "The reason: No broth left").await;
    guest.run("window.letThrough()", vec![]).await;
    guest.until("window.cameThrough").await;
    guest.sees(".ticket-news", "The reason: No broth left").await;
}

#[tokio::test]
async fn a_guest_sees_the_order_after_answers_that_are_none() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    let refused_at_first = r"
        const ask = window.fetch;
        const refusals = [408, 429, 503];
        window.fetch = (url, options) => {
            const status = /\/orders\/ORD_\w+$/.test(String(url)) ? refusals.shift() : undefined;
            return status ? Promise.resolve(new Response('', { status })) : ask(url, options);
        };";
    guest.before_every_page(refused_at_first).await;
    orders(&restaurant, &guest).await;
    guest.sees("own-order", "1 × Phở bò").await;
    assert_eq!(guest.complaints().await, Vec::<String>::new());
}
