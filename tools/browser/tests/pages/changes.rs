//! What changes while a guest chooses: prices, stock, and the service itself.

use browser::Look;
use serde_json::json;

use crate::restaurant::{Restaurant, more};

#[tokio::test]
async fn a_new_price_and_a_sold_out_dish_are_explained_and_the_changed_basket_is_offered() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    for item in ["pho-bo", "margherita", "tiramisu"] {
        guest.press(&more(item)).await;
    }
    guest.press(&more("tiramisu")).await;
    guest.write("#customer_name", "Jane").await;
    guest.sees("button[type=submit]", "$38.79").await;
    let pho = json!({"name": "Phở bò", "price": 9.5, "category": "Soups", "position": 210});
    restaurant.staff("PUT", "/menu/items/pho-bo", &pho).await;
    restaurant.staff("POST", "/menu/items/margherita/sold-out", &json!({})).await;
    restaurant.staff("PUT", "/inventory/tiramisu", &json!({"left": 1})).await;
    guest.press("button[type=submit]").await;
    guest.sees(".form-notice", "Something has changed").await;
    guest.sees(".form-notice", "Margherita Pizza is sold out").await;
    guest.sees(".form-notice", "Phở bò now costs $9.50 instead of $9.00").await;
    guest.sees(".form-notice", "Only 1 × Tiramisù is left").await;
    guest.picture("order-phone-changed").await;
    assert_eq!(restaurant.orders().await, json!(0));
    guest.press(".form-notice button").await;
    guest.sees("button[type=submit]", "$16.40").await;
    guest.press("button[type=submit]").await;
    guest.sees("order-tracker h1", "We have your order").await;
    assert_eq!(restaurant.orders().await, json!(1));
}

#[tokio::test]
async fn what_is_sold_out_is_grey_and_says_so_and_what_is_not_for_this_type_too() {
    let restaurant = Restaurant::open().await;
    restaurant.staff("POST", "/menu/items/minestrone/sold-out", &json!({})).await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    guest.sees("menu-item:has(#item-minestrone)", "Sold out").await;
    guest.sees("menu-item:has(#item-bistecca)", "Not to take away").await;
    let can_add =
        |item: &str| format!("return document.querySelector({}).checkVisibility()", json!(more(item)));
    assert_eq!(guest.run(&can_add("minestrone"), vec![]).await, json!(false));
    assert_eq!(guest.run(&can_add("bistecca"), vec![]).await, json!(false));
    guest.press("input[value=dine_in]").await;
    guest.until(&can_add("bistecca").replace("return ", "")).await;
}

#[tokio::test]
async fn what_is_sold_out_meanwhile_says_so_in_the_basket() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    guest.press(&more("minestrone")).await;
    guest.sees("basket-lines", "Minestrone").await;
    restaurant.staff("POST", "/menu/items/minestrone/sold-out", &json!({})).await;
    guest.sees("basket-lines .badge", "Sold out").await;
    guest.until("document.querySelector('basket-lines .step-more').disabled").await;
}

/// A tap on Order that follows at once would else order at a price that was not shown.
#[tokio::test]
async fn the_button_never_names_the_total_of_an_earlier_basket() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    guest.press(&more("minestrone")).await;
    guest.sees("button[type=submit]", "$7.50").await;
    let more = json!(more("minestrone"));
    let named = format!(
        "document.querySelector({more}).click(); return document.querySelector('button[type=submit]').innerText"
    );
    assert_eq!(guest.run(&named, vec![]).await, json!("Order"));
    guest.sees("button[type=submit]", "$15.00").await;
}

#[tokio::test]
async fn a_menu_that_cannot_be_had_says_so_and_comes_by_itself() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("")).await;
    guest.sees("menu-list", "Phở bò").await;
    // The files are kept. Only the menu is asked for.
    let cut_off = "window.realFetch = fetch; window.fetch = () => Promise.reject(new TypeError('cut'));
        document.querySelector('menu-list').isOn = undefined; document.querySelector('menu-list').load();";
    guest.run(cut_off, vec![]).await;
    guest.sees("menu-list", "cannot be shown at the moment").await;
    guest.picture("order-phone-failed").await;
    guest
        .run("window.fetch = window.realFetch; document.querySelector('menu-list').shown = ''", vec![])
        .await;
    guest.sees("menu-list", "Phở bò").await;
}

#[tokio::test]
async fn what_somebody_wrote_is_text_and_never_markup() {
    let restaurant = Restaurant::open().await;
    let hostile = "<img src=x onerror=alert(1)>";
    let item = json!({"name": hostile, "description": "</p><script>alert(2)</script>", "category": "<h1>&amp;", "price": 1});
    restaurant.staff("PUT", "/menu/items/hostile", &item).await;
    let guest = restaurant.guest(Look::PHONE).await;
    guest.open(&restaurant.order_page("?table=%22%3E%3Cscript%3Ealert(3)%3C/script%3E")).await;
    guest.sees("menu-item:has(#item-hostile)", hostile).await;
    guest.sees("menu-item:has(#item-hostile)", "</p><script>alert(2)</script>").await;
    guest.sees(".categories", "<h1>&amp;").await;
    guest.press(&more("hostile")).await;
    guest.sees("basket-lines", hostile).await;
    assert_eq!(
        guest.run("return document.querySelectorAll('main img, main script').length", vec![]).await,
        json!(0)
    );
    assert_eq!(guest.complaints().await, Vec::<String>::new());
}
