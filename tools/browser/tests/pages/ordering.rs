//! Ordering: once, whatever happens on the way.

use browser::{Browser, Look};
use serde_json::json;

use crate::restaurant::{Restaurant, more};

/// Chooses two dishes, and fills in the form.
async fn choose(guest: &Browser) {
    guest.press(&more("pho-bo")).await;
    guest.press(&more("pho-bo")).await;
    guest.press(&more("margherita")).await;
    guest.write("#customer_name", "Nguyễn Thị Hoa").await;
    guest.sees("button[type=submit]", "$33.99").await;
}

#[tokio::test]
async fn a_guest_orders_from_the_menu_on_a_phone_and_follows_the_order() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    guest.sees("menu-list", "Phở bò").await;
    guest.picture("order-phone").await;
    guest.press(&more("pho-bo")).await;
    guest.sees("order-bar", "1 item").await;
    guest.press(&more("pho-bo")).await;
    guest.press(&more("margherita")).await;
    guest.sees("order-bar", "3 items").await;
    guest.picture_of_window("order-phone-chosen").await;
    guest.press("order-bar a").await;
    guest.until("!document.querySelector('order-bar').checkVisibility()").await;
    guest.press("button[type=submit]").await;
    guest.sees("#customer_name-error", "name").await;
    assert_eq!(guest.run("return document.activeElement.id", vec![]).await, "customer_name");
    guest.write("#customer_name", "Nguyễn Thị Hoa").await;
    guest.picture_of_window("order-phone-form").await;
    guest.press("button[type=submit]").await;

    guest.sees("order-tracker h1", "We have your order").await;
    let address = guest.address().await;
    let database = restaurant.stage.database().await;
    let number = database.value("select number from orders").await;
    let expected = restaurant.tracking_page(&format!("track/{}", number.as_str().unwrap()));
    assert_eq!(address, expected, "the token has left the address");
    let row = database.value("select customer_name || ' ' || total_amount from orders").await;
    assert_eq!(row, "Nguyễn Thị Hoa 33.99");
    guest.sees("[aria-current=step]", "Received").await;
    guest.picture("track-phone-received").await;
    assert_eq!(guest.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_bar_of_a_phone_says_what_the_button_says() {
    let restaurant = Restaurant::open().await;
    restaurant.tenth_off("Soup day").await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    guest.press(&more("pho-bo")).await;
    guest.sees("order-bar", "$8.10").await;
    guest.press(&more("pho-bo")).await;
    guest.sees("order-bar", "$16.20").await;
    guest.sees("button[type=submit]", "$16.20").await;
    // Until the new total comes, the one beside the new count is marked as old.
    let slow = "const ask = window.fetch;
        window.fetch = async (url, options) => {
            const answer = await ask(url, options);
            if (String(url).endsWith('/calculate_price')) await new Promise((done) => { window.letThrough = done; });
            return answer;
        };";
    guest.run(slow, vec![]).await;
    guest.press(&more("pho-bo")).await;
    guest.sees("order-bar", "3 items").await;
    guest.sees(".bar-sum.is-old", "$16.20").await;
    guest.until("Boolean(window.letThrough)").await;
    guest.run("window.letThrough()", vec![]).await;
    guest.sees(".bar-sum:not(.is-old)", "$24.30").await;
}

#[tokio::test]
async fn a_double_press_orders_once() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    choose(&guest).await;
    let twice = "
        const button = document.querySelector('button[type=submit]');
        for (let press = 0; press < 5; press++) button.form.requestSubmit();
        button.click();";
    guest.run(twice, vec![]).await;
    guest.sees("order-tracker h1", "We have your order").await;
    assert_eq!(restaurant.orders().await, json!(1));
}

#[tokio::test]
async fn a_lost_answer_and_a_reload_order_once() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    choose(&guest).await;
    // Requests reach the service on connections that are open, and no answer comes back.
    restaurant.to_order.silence();
    guest.press("button[type=submit]").await;
    testkit::eventually("the order", async || (restaurant.orders().await == json!(1)).then_some(())).await;
    restaurant.to_order.cut();
    guest.sees(".form-notice", "finding out whether your order arrived").await;
    guest.picture_of_window("order-phone-unknown").await;
    restaurant.to_order.mend();
    guest.reload().await;
    guest.sees("order-tracker h1", "We have your order").await;
    assert_eq!(restaurant.orders().await, json!(1));
    guest.open(&restaurant.order_page("")).await;
    guest.sees("basket-lines", "Nothing chosen yet").await;
    guest.sees("recent-orders", "001").await;
}

#[tokio::test]
async fn the_basket_survives_a_reload_and_only_the_fields_of_the_type_are_shown() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::LAPTOP).await;
    guest.open(&restaurant.order_page("")).await;
    choose(&guest).await;
    guest.press("input[value=delivery]").await;
    guest.write("#delivery_address", "12 Garden Lane, Flat 3").await;
    guest.reload().await;
    guest.sees("basket-lines", "Phở bò").await;
    guest.sees("basket-lines", "$18.00").await;
    guest.until("document.querySelector('#delivery_address').value === '12 Garden Lane, Flat 3'").await;
    let shown = "return [...document.querySelectorAll('order-form .field')].filter((each) => each.checkVisibility()).map((each) => each.dataset.field)";
    assert_eq!(guest.run(shown, vec![]).await, json!(["customer_name", "delivery_address"]));
    guest.press("input[value=dine_in]").await;
    assert_eq!(guest.run(shown, vec![]).await, json!(["customer_name", "table_number"]));
    guest.write("#table_number", "0").await;
    guest.press("button[type=submit]").await;
    guest.sees("#table_number-error", "1 to 100").await;
    guest.write("#table_number", "7").await;
    guest.press("button[type=submit]").await;
    guest.sees("order-tracker h1", "We have your order").await;
    let database = restaurant.stage.database().await;
    assert_eq!(database.value("select table_number from orders").await, json!(7));
}

#[tokio::test]
async fn the_service_has_the_last_word_and_its_errors_stand_at_their_fields() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    choose(&guest).await;
    guest.write("#customer_name", "<b>Eve</b>").await;
    guest.press("button[type=submit]").await;
    guest.sees("#customer_name-error", "letters").await;
    assert_eq!(guest.run("return document.activeElement.id", vec![]).await, "customer_name");
    guest.write("#customer_name", "Eve").await;
    guest.until("document.querySelector('#customer_name-error').hidden").await;
    guest.press("button[type=submit]").await;
    guest.sees("order-tracker h1", "We have your order").await;
    assert_eq!(restaurant.orders().await, json!(1));
}

#[tokio::test]
async fn without_a_menu_the_guest_names_dishes_and_prices() {
    let restaurant = Restaurant::without_menu().await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    guest.write("#line-0-name", "Soup of the day").await;
    guest.write("#line-0-price", "4,50").await;
    guest.press("free-lines > .button").await;
    guest.write("#line-1-name", "Bread").await;
    guest.write("#line-1-price", "0").await;
    guest.write("#customer_name", "Jane").await;
    guest.picture("order-phone-free").await;
    guest.press("button[type=submit]").await;
    guest.sees("#line-1-price-error", "0.01").await;
    guest.write("#line-1-price", "1.20").await;
    guest.sees("button[type=submit]", "$5.70").await;
    guest.press("button[type=submit]").await;
    guest.sees("order-tracker h1", "We have your order").await;
    let database = restaurant.stage.database().await;
    assert_eq!(database.value("select total_amount::text from orders").await, "5.70");
}
