//! A cook works with the kitchen display of a manual worker by touch.

use serde_json::json;
use testkit::orders::{dine_in, takeout};

use crate::kitchen::{ENTER, Kitchen, press_step, settled, short};

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
    // It is chosen.
    let recalled =
        format!("document.querySelector('.is-chosen')?.innerText.includes({})", json!(short(&numbers[1])));
    display.until(&recalled).await;
    settled(&display).await;
    display.type_keys(ENTER).await;
    kitchen.until(&numbers[1], "ready").await;
}
