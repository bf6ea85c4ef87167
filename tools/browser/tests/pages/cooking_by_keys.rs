//! A cook works with the display by keys: a keyboard, a bump bar, a scanner.

use serde_json::json;
use testkit::orders::{dine_in, takeout};

use crate::kitchen::{ENTER, Kitchen, settled, short};

/// The key Tab (`WebDriver`, "Keyboard actions").
const TAB: &str = "\u{e004}";

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
    display.sees("sound-switch", "Play a sound for new and cancelled orders").await;
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
