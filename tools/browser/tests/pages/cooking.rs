//! The kitchen display of a manual worker: a cook works with it, by touch and by keys.

use browser::{Browser, Look, Theme};
use serde_json::{Value, json};
use testkit::http::send;
use testkit::orders::{delivery, dine_in, takeout};
use testkit::{Launch, Proxy, Service, Stage, eventually};

const KEY: &str = "the-staff-knows-this-key";
const SCREEN: Look = Look::of(1920, 1080, Theme::Dark);
/// The keys Enter and Tab (`WebDriver`, "Keyboard actions").
const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";

/// An order service and a manual worker, which displays reach through a proxy.
struct Kitchen {
    stage: Stage,
    orders: Service,
    _worker: Service,
    proxy: Proxy,
}

impl Kitchen {
    async fn open() -> Self {
        Self::of(Stage::new().await, |worker| worker).await
    }

    /// With this change of the worker's start.
    async fn of(stage: Stage, change: impl FnOnce(Launch) -> Launch) -> Self {
        let orders = stage.order_service().env("ORDER_STAFF_KEY", KEY).start().await;
        let worker = stage.kitchen_worker("chef_anna").arg("--manual").arg("--port=0").cooking_seconds(600.0);
        let worker = change(worker.env("ORDER_STAFF_KEY", KEY).ready_when_probed()).start().await;
        let proxy = Proxy::to(worker.port()).await;
        Self { stage, orders, _worker: worker, proxy }
    }

    /// A display of somebody who has signed in.
    async fn display(&self, query: &str) -> Browser {
        let display = Browser::start("en", SCREEN).await;
        display.open(&format!("http://127.0.0.1:{}/{query}", self.proxy.port())).await;
        display.write("#key", KEY).await;
        display.press("form button").await;
        display.until("document.querySelector('kitchen-display .kitchen-bar')").await;
        display
    }

    /// Places an order, and waits until the display has it.
    async fn ticketed(&self, display: &Browser, order: &Value) -> String {
        let number = self.orders.place(order).await;
        display.sees("kitchen-ticket", short(&number)).await;
        number
    }

    async fn until(&self, number: &str, status: &str) {
        let database = self.stage.database().await;
        let sql = format!("select status from orders where number = '{number}'");
        eventually(&format!("{number} to be {status}"), async || {
            (database.value(&sql).await == status).then_some(())
        })
        .await;
    }

    async fn steps(&self, number: &str) -> Vec<Value> {
        let sql = format!(
            "select log.status from order_status_log as log join orders on orders.id = order_id
             where number = '{number}' order by log.id"
        );
        self.stage.database().await.rows(&sql).await.into_iter().map(|row| row["status"].clone()).collect()
    }

    async fn cancel(&self, number: &str) {
        let staff = format!("Bearer {KEY}");
        let path = format!("/orders/{number}/cancel");
        let answer = send(self.orders.port(), "POST", &path, &[("Authorization", &staff)], b"").await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// Makes the next step of the first ticket that has this button, as soon as it takes one.
async fn press_step(display: &Browser, button: &str) {
    settled(display).await;
    display.press(button).await;
}

/// Waits until the second half of a double tap is over on all tickets.
async fn settled(display: &Browser) {
    display.until("!document.querySelector('[data-settling]')").await;
}

fn short(number: &str) -> &str {
    number.rsplit('_').next().unwrap()
}

#[tokio::test]
async fn a_cook_signs_in_starts_finishes_and_recalls_by_touch() {
    let kitchen = Kitchen::open().await;
    let display = kitchen.display("").await;
    display.sees(".kitchen-empty", "No orders.").await;
    let number = kitchen.ticketed(&display, &takeout()).await;
    display.sees(".kitchen-all-day", "Margherita Pizza").await;
    press_step(&display, ".kitchen-step").await;
    display.sees("kitchen-ticket.is-cooking", "chef_anna cooks it").await;
    kitchen.until(&number, "cooking").await;
    display.press(".kitchen-line").await;
    display.until("document.querySelector('.is-ticked')").await;
    press_step(&display, ".kitchen-step.is-ready").await;
    kitchen.until(&number, "ready").await;
    display.sees(".kitchen-empty", "No orders.").await;
    display.press(".kitchen-tools button").await;
    display.sees("kitchen-ticket.is-recalled", "once more").await;
    assert_eq!(kitchen.steps(&number).await, ["received", "cooking", "ready", "cooking"]);
    // The second half of a double tap is not the next step.
    kitchen.ticketed(&display, &dine_in()).await;
    settled(&display).await;
    let double = "const start = () => document.querySelector('.kitchen-step.button-primary')?.click();
        start(); setTimeout(() => document.querySelectorAll('.kitchen-step')[1]?.click(), 120);";
    display.run(double, vec![]).await;
    display.until("document.querySelectorAll('kitchen-ticket.is-cooking').length === 2").await;
    settled(&display).await;
    display.until("document.querySelectorAll('kitchen-ticket.is-cooking').length === 2").await;
    assert_eq!(display.complaints().await, Vec::<String>::new());
}

/// An answer that was asked for before a change, and comes after it, is about the past.
#[tokio::test]
async fn a_late_answer_does_not_undo_what_was_seen() {
    let kitchen = Kitchen::open().await;
    let display = kitchen.display("").await;
    let slow = "const ask = window.fetch;
        window.fetch = async (url, options) => {
            const answer = await ask(url, options);
            if (!window.isSlow || !String(url).endsWith('/tickets')) return answer;
            window.isSlow = false;
            await new Promise((done) => { window.letThrough = done; });
            window.cameThrough = true;
            return answer;
        };";
    display.before_every_page(slow).await;
    display.reload().await;
    let number = kitchen.ticketed(&display, &takeout()).await;
    display.run("window.isSlow = true; dispatchEvent(new Event('online'))", vec![]).await;
    display.until("window.letThrough").await;
    press_step(&display, ".kitchen-step").await;
    kitchen.until(&number, "cooking").await;
    display.sees("kitchen-ticket.is-cooking", "chef_anna cooks it").await;
    let watch = "window.wentBack = false;
        new MutationObserver(() => {
            window.wentBack ||= !document.querySelector('kitchen-ticket.is-cooking');
        }).observe(document.body, { subtree: true, childList: true, attributes: true });
        window.letThrough();";
    display.run(watch, vec![]).await;
    display.until("window.cameThrough").await;
    let next = kitchen.ticketed(&display, &takeout()).await;
    kitchen.until(&next, "received").await;
    assert_eq!(display.run("return window.wentBack", vec![]).await, json!(false));
}

/// The last one is named on its button. Any other of the last half hour is in a list.
#[tokio::test]
async fn any_order_of_the_last_half_hour_is_recalled_and_a_double_tap_recalls_one() {
    let kitchen = Kitchen::open().await;
    let display = kitchen.display("").await;
    let mut numbers = Vec::new();
    for order in [takeout(), takeout(), dine_in(), takeout()] {
        let number = kitchen.ticketed(&display, &order).await;
        press_step(&display, ".kitchen-step").await;
        display.until("document.querySelector('.kitchen-step.is-ready')").await;
        press_step(&display, ".kitchen-step.is-ready").await;
        kitchen.until(&number, "ready").await;
        numbers.push(number);
    }
    let last = &numbers[3];
    display.sees(".kitchen-recall", short(last)).await;
    display.sees(".kitchen-done-open", "(4)").await;
    let double = "const recall = () => document.querySelector('.kitchen-recall').click();
        recall(); recall(); setTimeout(recall, 120);";
    display.run(double, vec![]).await;
    kitchen.until(last, "cooking").await;
    display.sees(".kitchen-done-open", "(3)").await;

    // The list says who finished it, and when; the filter hides what it hides elsewhere.
    display.press(".kitchen-filter label:nth-child(1) input").await;
    display.sees(".kitchen-recall", short(&numbers[1])).await;
    display.press(".kitchen-done-open").await;
    display.sees("dialog[open] .kitchen-done", "chef_anna").await;
    display.until("document.querySelectorAll('.kitchen-done li').length === 2").await;
    display.picture_of_window("kitchen-recall").await;
    display.type_keys("2").await;
    kitchen.until(&numbers[0], "cooking").await;
    display.until("!document.querySelector('dialog[open]')").await;
    display.sees("kitchen-ticket.is-recalled", short(&numbers[0])).await;
    for number in &numbers[1..3] {
        kitchen.until(number, "ready").await;
    }
    // A key that is held down counts once.
    settled(&display).await;
    let held = "for (const repeat of [false, true, true]) {
            dispatchEvent(new KeyboardEvent('keydown', { key: 'r', repeat, cancelable: true }));
        }";
    display.run(held, vec![]).await;
    kitchen.until(&numbers[1], "cooking").await;
    kitchen.until(&numbers[2], "ready").await;
}

#[tokio::test]
async fn a_bump_bar_and_a_scanner_need_no_pointer() {
    let kitchen = Kitchen::open().await;
    let display = kitchen.display("").await;
    let first = kitchen.ticketed(&display, &takeout()).await;
    let second = kitchen.ticketed(&display, &dine_in()).await;
    display.type_keys("?").await;
    display.sees("dialog[open]", "take the last one back").await;
    display.until("document.querySelectorAll('dialog[open] kbd').length >= 6").await;
    display.until("!document.querySelector('dialog[open]').textContent.includes('[object')").await;
    // The dialog has the keys for itself.
    display.type_keys("1").await;
    display.type_keys("r").await;
    let nothing =
        "!document.querySelector('.is-chosen') && document.querySelector('.kitchen-message').hidden";
    display.until(nothing).await;
    display.press("dialog[open] button").await;
    display.until("!document.querySelector('dialog[open]')").await;
    // What was pressed before does not take the keys.
    display.press(".kitchen-filter label:nth-child(3) input").await;
    let counted = "const button = document.querySelector('sound-switch button');
        button.addEventListener('click', () => { window.pressed = (window.pressed ?? 0) + 1; });";
    display.run(counted, vec![]).await;
    display.press(".kitchen-tools sound-switch button").await;
    display.type_keys("2").await;
    display.until("document.querySelectorAll('kitchen-ticket')[1].classList.contains('is-chosen')").await;
    settled(&display).await;
    display.type_keys(ENTER).await;
    kitchen.until(&second, "cooking").await;
    display.sees("kitchen-ticket.is-cooking", short(&second)).await;
    display.until("window.pressed === 1").await;
    settled(&display).await;
    display.type_keys(ENTER).await;
    kitchen.until(&second, "ready").await;
    display.until("document.querySelectorAll('kitchen-ticket').length === 1").await;
    display.type_keys("r").await;
    kitchen.until(&second, "cooking").await;
    // A scanner types the whole number. Its letters are no commands.
    settled(&display).await;
    display.type_keys(&format!("{first}{ENTER}")).await;
    kitchen.until(&first, "cooking").await;
    assert_eq!(kitchen.steps(&second).await, ["received", "cooking", "ready", "cooking"]);
}

/// A scan names its order, so it counts although the filter hides the ticket, and although the
/// ticket is new. What came of it is said.
#[tokio::test]
async fn every_scan_does_something_or_says_why_not() {
    let kitchen = Kitchen::open().await;
    let display = kitchen.display("").await;
    display.press(".kitchen-filter label:nth-child(1) input").await;
    let number = kitchen.orders.place(&dine_in()).await;
    display.sees(".kitchen-empty", "The filter hides 1").await;
    display.type_keys(&format!("{number}{ENTER}")).await;
    kitchen.until(&number, "cooking").await;
    display.sees(".kitchen-message", "hidden by the filter").await;
    // A label that is read twice is meant once.
    let next = kitchen.ticketed(&display, &takeout()).await;
    display.type_keys(&format!("{next}{ENTER}{next}{ENTER}")).await;
    display.sees(".kitchen-message", "was scanned twice").await;
    kitchen.until(&next, "cooking").await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    display.until("document.querySelector('.kitchen-step.is-ready')").await;
    display.type_keys(&format!("{next}{ENTER}")).await;
    kitchen.until(&next, "ready").await;
    display.until("document.querySelectorAll('kitchen-ticket').length === 0").await;
    display.type_keys(&format!("{next}{ENTER}")).await;
    display.sees(".kitchen-message", "Recall takes it back").await;
    display.type_keys(&format!("ORD_20200101_999{ENTER}")).await;
    display.sees(".kitchen-message", "is not on this display").await;
    assert_eq!(kitchen.steps(&next).await, ["received", "cooking", "ready"]);
}

/// What changes on a ticket leaves the focus where it is.
#[tokio::test]
async fn whoever_ticks_lines_off_by_keyboard_keeps_the_place() {
    let kitchen = Kitchen::open().await;
    let display = kitchen.display("").await;
    let number = kitchen.ticketed(&display, &takeout()).await;
    let is_there = "document.querySelectorAll('.kitchen-line')[1] === document.activeElement";
    for _ in 0..40 {
        if display.run(&format!("return {is_there}"), vec![]).await == json!(true) {
            break;
        }
        display.type_keys(TAB).await;
    }
    display.until(is_there).await;
    for is_pressed in ["true", "false"] {
        display.type_keys(ENTER).await;
        let pressed = format!("document.activeElement.getAttribute('aria-pressed') === '{is_pressed}'");
        display.until(&pressed).await;
        display.until(is_there).await;
    }
    display.type_keys(TAB).await;
    settled(&display).await;
    display.type_keys(ENTER).await;
    kitchen.until(&number, "cooking").await;
    display.until("document.activeElement.matches('.kitchen-step.is-ready')").await;
}

/// Whoever goes by Tab presses what has the focus, not the chosen ticket.
#[tokio::test]
async fn enter_presses_the_button_that_tab_led_to() {
    let kitchen = Kitchen::open().await;
    let display = kitchen.display("").await;
    let first = kitchen.ticketed(&display, &takeout()).await;
    let second = kitchen.ticketed(&display, &dine_in()).await;
    display.type_keys("1").await;
    display.until("document.querySelector('kitchen-ticket').classList.contains('is-chosen')").await;
    let is_there = "document.querySelectorAll('.kitchen-step')[1] === document.activeElement";
    for _ in 0..40 {
        if display.run(&format!("return {is_there}"), vec![]).await == json!(true) {
            break;
        }
        display.type_keys(TAB).await;
    }
    display.until(is_there).await;
    settled(&display).await;
    display.type_keys(ENTER).await;
    kitchen.until(&second, "cooking").await;
    assert_eq!(kitchen.steps(&first).await, ["received"]);
}

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

#[tokio::test]
async fn the_display_is_usable_everywhere() {
    let kitchen = Kitchen::open().await;
    for language in ["en", "ar"] {
        let display = kitchen.display(&format!("?lang={language}")).await;
        display.open(&format!("http://127.0.0.1:{}/?lang={language}", kitchen.proxy.port())).await;
        for order in [takeout(), dine_in(), delivery()] {
            kitchen.ticketed(&display, &order).await;
        }
        press_step(&display, ".kitchen-step").await;
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
