//! How pages look: in both themes, at every width, in both directions; and what axe finds.

use browser::{Browser, Look, Theme};
use serde_json::json;

use crate::restaurant::{Restaurant, more};

const WIDTHS: [u32; 5] = [320, 360, 768, 1024, 1440];

/// No page reaches beyond its window, and nobody is kept out of it.
pub async fn is_usable(guest: &Browser, page: &str) {
    for width in WIDTHS {
        guest.look(Look::of(width, 800, Theme::Light)).await;
        assert_eq!(guest.overflow().await, Vec::<String>::new(), "{page} at {width}");
    }
    for look in [Look::PHONE, Look::LAPTOP] {
        for theme in Theme::ALL {
            guest.look(look.with(theme)).await;
            let findings = guest.findings().await;
            let serious: Vec<_> = findings.iter().filter(|finding| finding.is_serious()).collect();
            assert!(serious.is_empty(), "{page}, {theme:?}, {}: {serious:#?}", look.width);
            for finding in findings {
                println!(
                    "{page}, {theme:?}, {}: {} {}: {}",
                    look.width, finding.impact, finding.rule, finding.detail
                );
            }
        }
    }
}

/// Keeps pictures at three widths in both themes.
pub async fn pictures(guest: &Browser, name: &str) {
    for (size, look) in [("360", Look::PHONE), ("768", Look::TABLET), ("1440", Look::LAPTOP)] {
        for theme in Theme::ALL {
            guest.look(look.with(theme)).await;
            guest.picture(&format!("{name}-{size}-{}", theme.as_str())).await;
        }
    }
}

async fn with_a_basket(guest: &Browser, restaurant: &Restaurant, language: &str) {
    guest.open(&restaurant.order_page(&format!("?lang={language}"))).await;
    guest.run("localStorage.clear()", vec![]).await;
    guest.reload().await;
    for item in ["pho-bo", "margherita", "lemonade"] {
        guest.press(&more(item)).await;
    }
    guest.press(&more("lemonade")).await;
    guest.sees("price-quote", "31.99").await;
}

#[tokio::test]
async fn the_order_page_is_usable_everywhere() {
    let restaurant = Restaurant::open().await;
    restaurant.staff("POST", "/menu/items/minestrone/sold-out", &json!({})).await;
    let guest = restaurant.guest(Look::PHONE).await;
    for language in ["en", "ar"] {
        with_a_basket(&guest, &restaurant, language).await;
        guest.write("#customer_name", "").await;
        guest.press("button[type=submit]").await;
        guest.until("!document.querySelector('#customer_name-error').hidden").await;
        is_usable(&guest, &format!("order page in {language}")).await;
        pictures(&guest, &format!("order-{language}")).await;
    }
    assert_eq!(guest.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_tracker_is_usable_everywhere() {
    let restaurant = Restaurant::open().await;
    let number = restaurant.place("Jane").await;
    let guest = restaurant.guest(Look::PHONE).await;
    for language in ["en", "ar"] {
        guest.open(&restaurant.tracking_page(&format!("track/{number}?lang={language}"))).await;
        guest.until("document.querySelector('[aria-current=step]')").await;
        is_usable(&guest, &format!("tracker in {language}")).await;
        pictures(&guest, &format!("track-{language}")).await;
    }
}

#[tokio::test]
async fn the_board_and_the_404_are_usable_everywhere() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::PHONE).await;
    for (name, page) in
        [("board", restaurant.tracking_page("board")), ("404", restaurant.order_page("nowhere"))]
    {
        guest.open(&page).await;
        guest.until("document.readyState === 'complete'").await;
        is_usable(&guest, name).await;
    }
}

#[tokio::test]
async fn an_order_can_be_made_with_the_keyboard_alone() {
    let restaurant = Restaurant::open().await;
    let guest = restaurant.guest(Look::LAPTOP).await;
    guest.open(&restaurant.order_page("")).await;
    guest.sees("menu-list", "Phở bò").await;
    let tab_until = async |test: &str| {
        for _ in 0..200 {
            guest.type_keys("\u{e004}").await;
            if guest.run(&format!("return Boolean(document.activeElement{test})"), vec![]).await
                == json!(true)
            {
                return;
            }
        }
        panic!("the keyboard does not reach {test}");
    };
    guest.type_keys("\u{e004}").await;
    assert_eq!(guest.run("return document.activeElement.className", vec![]).await, "skip");
    tab_until(".closest('menu-item')?.querySelector('#item-pho-bo')").await;
    guest.type_keys(" ").await;
    guest.sees("basket-lines", "Phở bò").await;
    tab_until(".matches('#customer_name')").await;
    guest.type_keys("Jane").await;
    tab_until(".matches('button[type=submit]')").await;
    guest.type_keys("\u{e007}").await;
    guest.sees("order-tracker h1", "We have your order").await;
}
