//! The description of an interface, for people.

use browser::{Browser, Look};
use serde_json::json;
use testkit::Stage;

use crate::kitchen::KEY;
use crate::looks::{is_usable, pictures};
use crate::restaurant::Restaurant;

/// Opens an operation, as a person does.
async fn open(reader: &Browser, operation: &str) {
    reader.press(&format!("#{operation} > summary")).await;
    reader.until(&format!("document.querySelector('#{operation} .docs-inside section')")).await;
}

#[tokio::test]
async fn every_operation_is_shown_with_its_limits_answers_and_examples() {
    let restaurant = Restaurant::open().await;
    let reader = restaurant.guest(Look::LAPTOP).await;
    reader.open(&restaurant.order_page("docs")).await;
    reader.sees("api-docs h2", "Order service").await;
    open(&reader, "place_order").await;
    reader.sees("#place_order", "Idempotency-Key").await;
    reader.sees("#place_order", "1…20 items").await;
    reader.press("#place_order .docs-answer:nth-of-type(1) > summary").await;
    reader.sees("#place_order .docs-answer", "The right to see and to cancel this order").await;
    reader.press("#place_order .docs-example > summary").await;
    reader.sees("#place_order .docs-json", "customer_name").await;
    assert_eq!(reader.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_get_can_be_tried() {
    let restaurant = Restaurant::open().await;
    let number = restaurant.place("Jane").await;
    let reader = restaurant.guest(Look::PHONE).await;
    reader.open(&restaurant.tracking_page("docs#status")).await;
    reader.until("document.querySelector('#status[open] try-request input')").await;
    reader.write("#status-order_number", &number).await;
    reader.press("#status try-request button").await;
    reader.sees("#status try-request .docs-json", &number).await;
    reader.sees("#status try-request .docs-status", "200").await;
    // A request that changes something is not offered. What there is to try is made on opening.
    reader.open(&restaurant.order_page("docs")).await;
    reader.sees("api-docs h2", "Order service").await;
    for (operation, offered) in [("intake", 1), ("place_order", 0), ("sign_in", 0), ("resume_intake", 0)] {
        open(&reader, operation).await;
        let tries = format!("return document.querySelectorAll('#{operation} try-request').length");
        assert_eq!(reader.run(&tries, vec![]).await, json!(offered), "{operation}");
    }
    assert_eq!(reader.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_description_is_usable_everywhere() {
    let restaurant = Restaurant::open().await;
    let reader = restaurant.guest(Look::PHONE).await;
    for language in ["en", "ar"] {
        reader.open(&restaurant.order_page(&format!("docs?lang={language}"))).await;
        reader.sees("api-docs h2", "Order service").await;
        for operation in ["place_order", "put_menu_item", "intake"] {
            open(&reader, operation).await;
        }
        is_usable(&reader, &format!("description in {language}")).await;
        pictures(&reader, &format!("docs-{language}")).await;
    }
    assert_eq!(reader.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn every_service_with_an_interface_shows_it() {
    let stage = Stage::new().await;
    let order = stage.order_service().start().await;
    let tracking = stage.tracking_service().ready_when_probed().start().await;
    let cook = stage.kitchen_worker("chef_anna").arg("--manual").arg("--port=0");
    let cook = cook.env("ORDER_STAFF_KEY", KEY).ready_when_probed().start().await;
    let reader = Browser::start("en", Look::PHONE).await;
    // Lists, streams, other statuses than 200, and several kinds of bodies.
    for (service, title, operations) in [
        (&order, "Order service", ["calculate_price", "delete_menu_item", "sign_in"]),
        (&tracking, "Tracking service", ["history", "order_events", "order"]),
        (&cook, "Manual kitchen worker", ["tickets", "ticket_events", "tick_line"]),
    ] {
        reader.open(&format!("http://127.0.0.1:{}/docs", service.port())).await;
        reader.sees("api-docs h2", title).await;
        for operation in operations {
            open(&reader, operation).await;
        }
        is_usable(&reader, &format!("description of the {title}")).await;
    }
    assert_eq!(reader.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn it_works_behind_a_prefix() {
    let stage = Stage::new().await;
    let order = stage.order_service().env("WEB_BASE_PATH", "/shop").ready_at_once().start().await;
    order.log("service_started").await;
    let reader = Browser::start("en", Look::LAPTOP).await;
    reader.open(&format!("http://127.0.0.1:{}/shop/docs", order.port())).await;
    reader.sees("api-docs h2", "Order service").await;
    open(&reader, "intake").await;
    reader.press("#intake try-request button").await;
    reader.sees("#intake try-request .docs-json", "accepting").await;
    assert_eq!(reader.complaints().await, Vec::<String>::new());
}
