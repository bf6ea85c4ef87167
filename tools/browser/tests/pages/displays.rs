//! Displays of the kitchen: several at once, cut off, empty, full, and in every size.

use browser::{Browser, Look, Theme};
use serde_json::json;
use testkit::Stage;
use testkit::orders::{delivery, dine_in, takeout, takeout_of};

use crate::kitchen::{ENTER, KEY, Kitchen, SCREEN, press_step, settled, short};

#[tokio::test]
async fn two_displays_agree_and_one_of_two_bumps_counts() {
    let kitchen = Kitchen::open().await;
    let (one, other) = (kitchen.display("").await, kitchen.display("").await);
    for _ in 0..3 {
        let number = kitchen.ticketed(&one, &takeout()).await;
        other.sees("kitchen-ticket", short(&number)).await;
        for (button, status) in [(".button-primary", "cooking"), (".is-ready", "ready")] {
            // Whoever has seen the other's step already has another button there.
            let press = format!("document.querySelector('.kitchen-step{button}')?.click()");
            one.until(&format!("document.querySelector('.kitchen-step{button}')")).await;
            other.until(&format!("document.querySelector('.kitchen-step{button}')")).await;
            tokio::join!(settled(&one), settled(&other));
            tokio::join!(one.run(&press, vec![]), other.run(&press, vec![]));
            kitchen.until(&number, status).await;
        }
        for display in [&one, &other] {
            display.until("document.querySelectorAll('kitchen-ticket').length === 0").await;
        }
        assert_eq!(kitchen.steps(&number).await, ["received", "cooking", "ready"]);
    }
}

#[tokio::test]
async fn a_display_that_is_cut_off_says_since_when_and_is_never_empty() {
    let kitchen = Kitchen::open().await;
    let display = kitchen.display("").await;
    let number = kitchen.ticketed(&display, &takeout()).await;
    display.sees(".kitchen-clock", "as of").await;
    kitchen.proxy.cut();
    let cut = tokio::time::Instant::now();
    display.sees(".kitchen-cut", "Cut off since").await;
    let seconds = cut.elapsed().as_secs_f32();
    assert!(seconds <= 12.5, "stale after {seconds} s");
    display.sees("kitchen-ticket", short(&number)).await;
    let gray = "getComputedStyle(document.querySelector('.kitchen-tickets')).filter.includes('grayscale')";
    display.until(gray).await;
    display.picture_of_window("kitchen-cut-off").await;
    kitchen.proxy.mend();
    display.until("!document.querySelector('.kitchen-cut')").await;
    press_step(&display, ".kitchen-step").await;
    kitchen.until(&number, "cooking").await;
}

/// No orders come in. What is here is cooked all the same.
#[tokio::test]
async fn without_the_broker_the_display_says_so_and_the_cook_goes_on() {
    let stage = Stage::new().await;
    let broker = stage.rabbitmq_proxy().await;
    let port = broker.port().to_string();
    let kitchen = Kitchen::of(stage, |worker| worker.env("RABBITMQ_PORT", port)).await;
    let display = kitchen.display("").await;
    let number = kitchen.ticketed(&display, &takeout()).await;
    broker.cut();
    display.sees(".kitchen-cut", "RabbitMQ does not answer").await;
    press_step(&display, ".kitchen-step").await;
    kitchen.until(&number, "cooking").await;
    display.sees("kitchen-ticket.is-cooking", "chef_anna cooks it").await;
    press_step(&display, ".kitchen-step.is-ready").await;
    kitchen.until(&number, "ready").await;
    display.until("document.querySelectorAll('kitchen-ticket').length === 0").await;
    display.sees(".kitchen-empty", "Cut off since").await;
    broker.mend();
    display.until("!document.querySelector('.kitchen-cut')").await;
    let next = kitchen.ticketed(&display, &takeout()).await;
    kitchen.until(&next, "received").await;
}

#[tokio::test]
async fn a_cancelled_ticket_is_struck_until_it_is_touched_and_an_empty_board_says_why() {
    let kitchen = Kitchen::open().await;
    let display = kitchen.display("").await;
    let number = kitchen.ticketed(&display, &takeout()).await;
    press_step(&display, ".kitchen-step").await;
    kitchen.until(&number, "cooking").await;
    kitchen.cancel(&number).await;
    display.sees("kitchen-ticket.is-cancelled", "stop cooking it").await;
    // A display that is opened later shows it too: something may be on the stove.
    let later = kitchen.display("").await;
    later.sees("kitchen-ticket.is-cancelled", short(&number)).await;
    press_step(&display, ".is-cancelled .kitchen-step").await;
    display.sees(".kitchen-empty", "No orders.").await;
    later.sees("kitchen-ticket.is-cancelled", short(&number)).await;

    kitchen.ticketed(&display, &takeout()).await;
    display.press(".kitchen-filter label:nth-child(2) input").await;
    display.sees(".kitchen-empty", "The filter hides 1").await;
}

#[tokio::test]
async fn ten_tickets_with_all_their_lines_fit_a_screen() {
    let kitchen = Kitchen::open().await;
    let display = kitchen.display("").await;
    let mut order = takeout();
    let names = ["Soup", "Pizza", "Salad", "Steak", "Bread", "Tea"];
    order["items"] = names.map(|name| json!({"name": name, "quantity": 2, "price": 3})).into();
    for _ in 0..10 {
        kitchen.orders.place(&order).await;
    }
    display.until("document.querySelectorAll('kitchen-ticket').length === 10").await;
    let fits = "[...document.querySelectorAll('kitchen-ticket')].every((each) => {
        const { top, bottom, left, right } = each.getBoundingClientRect();
        return top >= 0 && left >= 0 && bottom <= innerHeight + 1 && right <= innerWidth + 1;
    })";
    display.until(fits).await;
    let size = "return Math.min(...[...document.querySelectorAll('.kitchen-lines')].map((each) => parseFloat(getComputedStyle(each).fontSize)))";
    let size = display.run(size, vec![]).await.as_f64().unwrap();
    assert!(size >= 16.0, "{size} px");
    // As large as a finger, also where ten must fit.
    let lines = "return [...document.querySelectorAll('.kitchen-line, .kitchen-step')].map((each) => each.getBoundingClientRect().height)";
    let heights = display.run(lines, vec![]).await;
    let heights: Vec<f64> = heights.as_array().unwrap().iter().map(|each| each.as_f64().unwrap()).collect();
    assert_eq!(heights.len(), 10 * 7);
    assert!(heights.iter().all(|height| *height >= 48.0), "{heights:?}");
    press_step(&display, "kitchen-ticket:nth-child(2) .kitchen-step").await;
    display.sees("kitchen-ticket.is-cooking", "chef_anna").await;
    display.picture_of_window("kitchen-1080").await;
}

/// The display of the tracking service shows the tickets of all workers, and has no steps.
#[tokio::test]
async fn whoever_looks_on_sees_the_tickets_and_changes_nothing() {
    let kitchen = Kitchen::open().await;
    let tracking =
        kitchen.stage.tracking_service().env("ORDER_STAFF_KEY", KEY).ready_when_probed().start().await;
    let display = Browser::start("en", SCREEN).await;
    display.open(&format!("http://127.0.0.1:{}/kitchen", tracking.port())).await;
    display.write("#key", KEY).await;
    display.press("form button").await;
    display.sees(".kitchen-empty", "No orders.").await;
    let number = kitchen.ticketed(&display, &takeout()).await;
    let steps = "![...document.querySelectorAll('.kitchen-step, .kitchen-line')].some((each) => each.checkVisibility())";
    display.until(steps).await;
    for keys in ["1", ENTER, "r"] {
        display.type_keys(keys).await;
    }
    let cook = kitchen.display("").await;
    press_step(&cook, ".kitchen-step").await;
    display.sees("kitchen-ticket.is-cooking", "chef_anna cooks it").await;
    assert_eq!(kitchen.steps(&number).await, ["received", "cooking"]);
    kitchen.cancel(&number).await;
    display.sees("kitchen-ticket.is-cancelled", short(&number)).await;
    press_step(&display, ".is-cancelled .kitchen-step").await;
    display.sees(".kitchen-empty", "No orders.").await;
    display.picture_of_window("kitchen-to-look-at").await;
    assert_eq!(display.complaints().await, Vec::<String>::new());
}

/// What the heads of tickets say over something else, or outside of them.
const OVERPRINTED: &str = "
    const parts = ['number > [aria-hidden]', 'time', 'where', 'type', 'priority'].map((name) => `.kitchen-${name}`);
    return [...document.querySelectorAll('kitchen-ticket')].flatMap((ticket) => {
        const boxes = parts.map((part) => ticket.querySelector(part)).filter((each) => each.checkVisibility()).map((each) => {
            // A name that is too long is cut; everything else is as wide as its text.
            const range = document.createRange();
            range.selectNodeContents(each);
            const { left, right, top, bottom } = (each.matches('.kitchen-where') ? each : range).getBoundingClientRect();
            return { text: each.innerText, left, right, top, bottom };
        });
        const isOver = (one, other) => one.left < other.right - 1 && other.left < one.right - 1
            && one.top < other.bottom - 1 && other.top < one.bottom - 1;
        const pairs = boxes.flatMap((one, index) => boxes.slice(index + 1).map((other) => [one, other]));
        const over = pairs.filter(([one, other]) => isOver(one, other)).map((pair) => pair.map(({ text }) => text).join(' over '));
        const outside = boxes.filter(({ right }) => right > ticket.getBoundingClientRect().right).map(({ text }) => text);
        return [...over, ...outside];
    });";

#[tokio::test]
async fn nothing_in_the_head_of_a_ticket_is_printed_over_anything_else() {
    let kitchen = Kitchen::open().await;
    let tracking =
        kitchen.stage.tracking_service().env("ORDER_STAFF_KEY", KEY).ready_when_probed().start().await;
    let cook = kitchen.display("").await;
    let onlooker = Browser::start("en", SCREEN).await;
    onlooker.open(&format!("http://127.0.0.1:{}/kitchen", tracking.port())).await;
    onlooker.write("#key", KEY).await;
    onlooker.press("form button").await;
    for mut order in [takeout_of("60.00"), takeout_of("150.00"), dine_in(), delivery()] {
        order["customer_name"] = "Maximiliane von und zu Hohenstein-Lichtenberg".into();
        kitchen.ticketed(&cook, &order).await;
    }
    onlooker.until("document.querySelectorAll('kitchen-ticket').length === 4").await;
    for (name, display) in [("cook", &cook), ("onlooker", &onlooker)] {
        display.sees(".kitchen-priority", "Priority 10").await;
        for width in [320, 360, 768, 1440] {
            display.look(Look::of(width, 800, Theme::Dark)).await;
            display.picture(&format!("kitchen-head-{name}-{width}")).await;
            assert_eq!(display.run(OVERPRINTED, vec![]).await, json!([]), "{name} at {width}");
        }
    }
}

/// They are cut at the edge of a small screen. Arrows move among tickets everywhere else.
#[tokio::test]
async fn the_counts_of_all_items_scroll_by_the_keyboard() {
    let kitchen = Kitchen::open().await;
    let display = kitchen.display("").await;
    display.look(Look::of(320, 800, Theme::Dark)).await;
    let mut order = takeout();
    let names = ["Minestrone", "Margherita Pizza", "Insalata Caprese", "Bistecca", "Lemonade"];
    order["items"] = names.map(|name| json!({"name": name, "quantity": 2, "price": 3})).into();
    kitchen.ticketed(&display, &order).await;
    let counts = "document.querySelector('.kitchen-all-day')";
    display.until(&format!("{counts}.scrollWidth > {counts}.clientWidth")).await;
    let findings = display.findings().await;
    let serious: Vec<_> = findings.iter().filter(|finding| finding.is_serious()).collect();
    assert!(serious.is_empty(), "{serious:#?}");
    display.picture_of_window("kitchen-all-day").await;
    for _ in 0..30 {
        display.type_keys("\u{e004}").await;
        if display.run(&format!("return document.activeElement === {counts}"), vec![]).await == json!(true) {
            break;
        }
    }
    display.type_keys("\u{e014}").await;
    display.until(&format!("{counts}.scrollLeft > 0")).await;
    display.until("!document.querySelector('.is-chosen')").await;
}

#[tokio::test]
async fn the_display_is_usable_everywhere() {
    let kitchen = Kitchen::open().await;
    for language in ["en", "ar"] {
        let display = kitchen.display(&format!("?lang={language}")).await;
        display.open(&format!("http://127.0.0.1:{}/?lang={language}", kitchen.proxy.port())).await;
        for order in [takeout(), dine_in(), delivery()] {
            kitchen.ticketed(&display, &order).await;
        }
        press_step(&display, ".kitchen-step:not(.is-ready)").await;
        display.until("document.querySelector('.kitchen-step.is-ready')").await;
        for width in [320, 768, 1440] {
            display.look(Look::of(width, 800, Theme::Dark)).await;
            assert_eq!(display.overflow().await, Vec::<String>::new(), "{language} at {width}");
            let findings = display.findings().await;
            let serious: Vec<_> = findings.iter().filter(|finding| finding.is_serious()).collect();
            assert!(serious.is_empty(), "{language} at {width}: {serious:#?}");
            display.picture(&format!("kitchen-{language}-{width}")).await;
        }
        let small = "return [...document.querySelectorAll('kitchen-display button')].filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 48).map((each) => each.className)";
        assert_eq!(display.run(small, vec![]).await, json!([]), "a finger needs 48 px");
        assert_eq!(display.complaints().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_page_to_sign_in_is_usable_and_says_what_was_wrong() {
    let kitchen = Kitchen::open().await;
    let visitor = Browser::start("en", Look::PHONE).await;
    visitor.open(&format!("http://127.0.0.1:{}/", kitchen.proxy.port())).await;
    visitor.write("#key", "wrong").await;
    visitor.press("form button").await;
    visitor.sees("[role=alert]", "This is not the staff's key.").await;
    for theme in Theme::ALL {
        visitor.look(Look::PHONE.with(theme)).await;
        let findings = visitor.findings().await;
        let serious: Vec<_> = findings.iter().filter(|finding| finding.is_serious()).collect();
        assert!(serious.is_empty(), "{theme:?}: {serious:#?}");
    }
    visitor.picture("sign-in-phone").await;
}
