//! The staff's page: who may see it, and what can be done there.

use browser::{Browser, Look};
use serde_json::{Value, json};
use testkit::{Stage, eventually};

use crate::looks::{is_usable, pictures};
use crate::restaurant::Restaurant;

const KEY: &str = "the-staff-knows-this-key";

async fn at_the_sign_in(restaurant: &Restaurant, look: Look, query: &str) -> Browser {
    let staff = restaurant.guest(look).await;
    staff.open(&restaurant.order_page(&format!("staff{query}"))).await;
    staff.until("document.activeElement?.id === 'staff-key'").await;
    staff
}

pub async fn signed_in(restaurant: &Restaurant, look: Look) -> Browser {
    let staff = at_the_sign_in(restaurant, look, "").await;
    staff.write("#staff-key", KEY).await;
    staff.press("staff-sign-in button").await;
    staff.sees("staff-figures freshness-line", "as of").await;
    staff.until("document.querySelector('staff-item')").await;
    staff
}

/// Chooses a value of a list, as a person does.
async fn choose(staff: &Browser, selector: &str, value: &str) {
    let script = "const list = document.querySelector(arguments[0]);
        list.value = arguments[1];
        list.dispatchEvent(new Event('input', { bubbles: true }));";
    staff.run(script, vec![json!(selector), json!(value)]).await;
}

/// A delivery, to a place that nobody should trust.
async fn place_for(restaurant: &Restaurant, address: &str) {
    let body = json!({"customer_name": "Jane", "order_type": "delivery", "delivery_address": address,
                      "items": [{"item_id": "pho-bo", "quantity": 2}]});
    let answer = restaurant.order.post("/orders", &body.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Waits until the top of the page says what needs somebody, with the way to this part.
pub async fn needs(staff: &Browser, part: &str, text: &str) {
    staff.sees(&format!(".alarm a[href='#{part}']"), text).await;
    staff.sees(&format!(".staff-parts .has-needs[href='#{part}']"), "").await;
    let top = "return document.querySelector('.alarm').compareDocumentPosition(document.querySelector('.part')) === Node.DOCUMENT_POSITION_FOLLOWING";
    assert_eq!(staff.run(top, vec![]).await, json!(true), "on top of all parts");
}

async fn value(restaurant: &Restaurant, sql: &str) -> Value {
    restaurant.stage.database().await.value(sql).await
}

#[tokio::test]
async fn only_the_key_opens_the_page_and_signing_out_closes_it() {
    let restaurant = Restaurant::open().await;
    let staff = at_the_sign_in(&restaurant, Look::PHONE, "").await;
    staff.picture("staff-phone-sign-in").await;
    staff.write("#staff-key", "the-guest-tries-this").await;
    staff.press("staff-sign-in button").await;
    staff.sees(".sign-in [role=alert]", "not the staff key").await;
    staff.until("document.activeElement?.id === 'staff-key'").await;
    staff.type_keys(&format!("{KEY}\u{e007}")).await;
    staff.sees("staff-figures freshness-line", "as of").await;
    staff.sees("staff-orders freshness-line", "as of").await;
    staff.reload().await;
    staff.sees("staff-figures freshness-line", "as of").await;
    staff.press(".sign-out").await;
    staff.until("document.activeElement?.id === 'staff-key'").await;
    staff.reload().await;
    staff.until("document.activeElement?.id === 'staff-key'").await;
    assert_eq!(staff.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn without_a_configured_key_the_page_says_how_to_set_one() {
    let stage = Stage::new().await;
    let order = stage.order_service().start().await;
    let staff = Browser::start("en", Look::PHONE).await;
    staff.open(&format!("http://127.0.0.1:{}/staff", order.port())).await;
    staff.sees(".staff-no-key", "Nobody can sign in yet").await;
    staff.sees(".staff-no-key", "ORDER_STAFF_KEY=").await;
    is_usable(&staff, "staff page without a key").await;
}

#[tokio::test]
async fn an_order_of_yesterday_is_found_by_its_guest_and_cancelled_with_a_reason() {
    let restaurant = Restaurant::open().await;
    let number = restaurant.place("Zoë Müller").await;
    restaurant.place("Jane").await;
    let yesterday =
        format!("update orders set created_at = now() - interval '1 day' where number = '{number}'");
    restaurant.stage.database().await.execute(&yesterday).await;
    let staff = signed_in(&restaurant, Look::PHONE).await;
    staff.sees(".order-row", "Jane").await;
    choose(&staff, "#orders-day", "today").await;
    staff.until("document.querySelectorAll('.order-row').length === 1").await;
    choose(&staff, "#orders-day", "week").await;
    staff.until("document.querySelectorAll('.order-row').length === 2").await;
    // Yesterday ends at midnight.
    choose(&staff, "#orders-day", "yesterday").await;
    staff.until("document.querySelectorAll('.order-row').length === 1").await;
    staff.sees(".order-row", "Zoë Müller").await;
    choose(&staff, "#orders-day", "any").await;
    staff.until("document.querySelectorAll('.order-row').length === 2").await;
    staff.write("#orders-text", "zoë mü").await;
    staff.until("document.querySelectorAll('.order-row').length === 1").await;
    staff.sees(".order-row", "Zoë Müller").await;
    staff.press(".order-open").await;
    staff.sees("staff-order dialog", &number).await;
    staff.sees("staff-order .order-steps", "Received").await;
    staff.picture_of_window("staff-phone-order").await;
    staff.press(".order-cancel").await;
    staff.press(".reason button[type=submit]").await;
    assert_eq!(value(&restaurant, "select count(*) from orders where status = 'cancelled'").await, 0);
    staff.write("#cancel-reason", "<b>The guest</b> left").await;
    staff.press(".reason button[type=submit]").await;
    staff.sees("staff-order .order-steps", "Cancelled").await;
    staff.sees("staff-order .order-steps", "<b>The guest</b> left").await;
    let noted = staff.run("return document.querySelector('.step-note').innerText", vec![]).await;
    assert_eq!(noted, "<b>The guest</b> left", "without the id of the request");
    let note = "select log.notes from order_status_log log where status = 'cancelled'";
    let note = value(&restaurant, note).await;
    assert!(note.as_str().unwrap().starts_with("<b>The guest</b> left (request "), "{note}");
    staff.press(".order-close").await;
    staff.sees(".order-row .badge", "Cancelled").await;
    assert_eq!(staff.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_lines_of_an_order_add_up_when_a_rule_changed_its_price() {
    let restaurant = Restaurant::open().await;
    restaurant.tenth_off("Soup day").await;
    restaurant.place("Jane").await;
    let staff = signed_in(&restaurant, Look::PHONE).await;
    staff.press(".order-open").await;
    let lines = "[...document.querySelectorAll('staff-order .order-items li')].map((each) => each.innerText.replaceAll('\\n', ' ')).join('|')";
    let lines = staff.until(lines).await;
    assert_eq!(lines, "1 × Phở bò $9.00|Soup day -$0.90|Total $8.10");
}

/// An answer that comes late takes nothing away from somebody who writes a reason.
#[tokio::test]
async fn a_late_look_at_an_order_does_not_take_the_form_away() {
    let restaurant = Restaurant::open().await;
    let number = restaurant.place("Jane").await;
    let staff = signed_in(&restaurant, Look::LAPTOP).await;
    staff.press(".order-open").await;
    staff.sees("staff-order .order-steps", "Received").await;
    let slow = "const ask = window.fetch;
        window.fetch = async (url, options) => {
            const answer = await ask(url, options);
            if (!String(url).includes('/orders/ORD_')) return answer;
            await new Promise((done) => { window.letThrough = done; });
            setTimeout(() => { window.cameThrough = true; }, 100);
            return answer;
        };
        document.dispatchEvent(new Event('changes'));";
    staff.run(slow, vec![]).await;
    staff.until("window.letThrough").await;
    staff.press(".order-cancel").await;
    staff.write("#cancel-reason", "The guest left").await;
    staff.run("window.letThrough()", vec![]).await;
    staff.until("window.cameThrough").await;
    staff.until("document.querySelector('#cancel-reason')?.value === 'The guest left'").await;
    staff.sees("staff-order dialog", &number).await;
}

#[tokio::test]
async fn what_is_ready_is_handed_over_with_the_keyboard_alone() {
    let restaurant = Restaurant::open().await;
    let _cook = restaurant.stage.kitchen_worker("chef").start().await;
    let number = restaurant.place("Jane").await;
    let staff = signed_in(&restaurant, Look::LAPTOP).await;
    staff.sees(".order-row .badge", "Ready").await;
    staff.sees(".worker", "chef").await;
    staff.sees(".worker", "Working").await;
    let tab_until = async |selector: &str| {
        for _ in 0..100 {
            let is_there = format!("return Boolean(document.activeElement?.matches({}))", json!(selector));
            if staff.run(&is_there, vec![]).await == json!(true) {
                return;
            }
            staff.type_keys("\u{e004}").await;
        }
        panic!("the keyboard does not reach {selector}");
    };
    tab_until(".order-open").await;
    staff.type_keys("\u{e007}").await;
    staff.sees("staff-order dialog", &number).await;
    tab_until(".order-complete").await;
    staff.type_keys("\u{e007}").await;
    staff.sees("staff-order .order-steps", "Handed over").await;
    staff.type_keys("\u{e00c}").await;
    staff.until("!document.querySelector('staff-order dialog').open").await;
    let status = format!("select status from orders where number = '{number}'");
    assert_eq!(value(&restaurant, &status).await, "completed");
    // A second one comes by the stream, without a reload.
    restaurant.place("Zoë").await;
    staff.sees(".order-row", "Zoë").await;
}

#[tokio::test]
async fn the_file_has_what_the_filter_shows_and_no_formula() {
    let restaurant = Restaurant::open().await;
    restaurant.place("Jane").await;
    place_for(&restaurant, "=HYPERLINK(\"http://evil.example\",\"12 Garden Lane\")").await;
    place_for(&restaurant, "<img src=x onerror=alert(1)>\nsecond line").await;
    let staff = signed_in(&restaurant, Look::LAPTOP).await;
    staff.sees(".order-row", "Delivery").await;
    let keep = "window.saved = []; const make = URL.createObjectURL;
        URL.createObjectURL = (blob) => { blob.text().then((text) => saved.push(text)); return make.call(URL, blob); };";
    staff.run(keep, vec![]).await;
    choose(&staff, "#orders-type", "delivery").await;
    staff.until("document.querySelectorAll('.order-row').length === 2").await;
    staff.press(".export").await;
    let file = staff.until("window.saved[0]").await;
    let file = file.as_str().unwrap();
    let rows: Vec<&str> = file.trim_start_matches('\u{feff}').split("\r\n").collect();
    assert_eq!(rows.len(), 4, "a head, two orders, and the end of the last line: {file}");
    assert!(rows[0].starts_with("order_number,status,order_type,customer_name,"), "{file}");
    assert!(rows[1].contains(",\"<img src=x onerror=alert(1)>\nsecond line\","), "{file}");
    assert!(
        rows[2].contains(",\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"12 Garden Lane\"\")\","),
        "{file}"
    );
    assert!(rows[1].contains(",2 × Phở bò,18.00,"), "{file}");
    staff.press(".order-open").await;
    staff.sees("staff-order dialog", "<img src=x onerror=alert(1)>").await;
    staff.until("!document.querySelector('staff-order img')").await;
}

#[tokio::test]
async fn an_item_is_sold_out_and_back_and_its_stock_is_counted() {
    let restaurant = Restaurant::open().await;
    let staff = signed_in(&restaurant, Look::TABLET).await;
    let is_sold_out = async || {
        let menu = restaurant.order.get("/menu").await.json();
        let items = menu["categories"].as_array().unwrap().iter();
        let mut items = items.flat_map(|category| category["items"].as_array().unwrap());
        items.find(|item| item["id"] == "pho-bo").unwrap()["sold_out"].clone()
    };
    staff.sees("#stock-pho-bo .item-86", "Mark as sold out").await;
    staff.press("#stock-pho-bo .item-86").await;
    staff.sees("#stock-pho-bo .badge", "Sold out").await;
    assert_eq!(is_sold_out().await, true);
    staff.press("#stock-pho-bo .item-back").await;
    staff.until("!document.querySelector('#stock-pho-bo .badge').checkVisibility()").await;
    assert_eq!(is_sold_out().await, false);
    staff.press("#stock-pho-bo .item-set").await;
    staff.sees("#stock-pho-bo", "a whole number, 0 or more").await;
    staff.write("#pieces-pho-bo", "5").await;
    staff.press("#stock-pho-bo .item-set").await;
    staff.sees("#stock-pho-bo", "5 left").await;
    staff.write("#pieces-pho-bo", "20").await;
    staff.press("#stock-pho-bo .item-restock").await;
    staff.sees("#stock-pho-bo", "25 left").await;
    assert_eq!(value(&restaurant, "select \"left\" from inventory_items where item_id = 'pho-bo'").await, 25);
    staff.press("#stock-pho-bo .item-unlimited").await;
    staff.sees("#stock-pho-bo", "Not counted").await;
}

#[tokio::test]
async fn the_intake_is_paused_for_five_minutes_and_opened_again() {
    let restaurant = Restaurant::open().await;
    let staff = signed_in(&restaurant, Look::PHONE).await;
    staff.sees("staff-intake", "Orders are taken").await;
    staff.write("#pause-minutes", "5").await;
    staff.write("#pause-message", "The oven is off. Back in five minutes.").await;
    staff.press(".pause-form button").await;
    staff.sees("staff-intake", "Paused until").await;
    staff.sees("staff-intake", "The oven is off").await;
    needs(&staff, "intake", "The intake is paused until").await;
    let intake = restaurant.order.get("/intake").await.json();
    assert_eq!(
        (&intake["accepting"], &intake["message"]),
        (&json!(false), &json!("The oven is off. Back in five minutes."))
    );
    // It is made longer without taking orders in between.
    staff.sees(".pause-form button", "Change the pause").await;
    staff.write("#pause-minutes", "10").await;
    staff.write("#pause-message", "The oven is off. Back in ten minutes.").await;
    staff.press(".pause-form button").await;
    staff.sees("staff-intake > .card > .lead", "Back in ten minutes").await;
    let longer = restaurant.order.get("/intake").await.json();
    assert_eq!(longer["accepting"], false);
    assert!(longer["until"].as_str() > intake["until"].as_str(), "{longer}");
    assert_eq!(restaurant.order.logged("intake_resumed").len(), 0);
    staff.press("staff-intake .button-primary").await;
    staff.sees("staff-intake", "Orders are taken").await;
    assert_eq!(restaurant.order.get("/intake").await.json()["accepting"], true);
    staff.until("document.querySelector('.alarm').innerText === ''").await;
    staff.until("!document.querySelector('.has-needs')").await;
    let broker = restaurant.stage.broker().await;
    staff.sees("staff-dead-letters", "No message waits").await;
    broker.publish("orders_dlx", "", <_>::default(), "no order").await;
    staff.sees("staff-dead-letters", "1 message could not be cooked").await;
    staff.sees("staff-dead-letters", "restaurant-ctl dlq list").await;
    staff.sees("staff-dead-letters", "There has been at least one for the last").await;
    needs(&staff, "dead-letters", "1 message could not be cooked").await;
}

#[tokio::test]
async fn orders_that_nobody_cooks_raise_an_alarm_and_a_cut_off_page_says_since_when() {
    let restaurant = Restaurant::open().await;
    let staff = signed_in(&restaurant, Look::LAPTOP).await;
    restaurant.place("Jane").await;
    staff.sees(".alarm", "Take away: 1 order waits, and nobody cooks this type").await;
    staff.sees(".alarm", "Start a kitchen worker for this type, or pause the intake.").await;
    staff.press(".alarm a").await;
    staff.until("location.hash === '#workers-heading'").await;
    staff.until("document.querySelector('#workers-heading').getBoundingClientRect().top < innerHeight").await;
    let cook = restaurant.stage.kitchen_worker("chef").start().await;
    staff.until("document.querySelector('.alarm').innerText === ''").await;
    drop(cook);
    restaurant.to_tracking.cut();
    staff.sees("staff-figures [role=alert]", "No connection since").await;
    staff.sees("staff-orders [role=alert]", "No connection since").await;
    // The order service is there all the while.
    staff.until("!document.querySelector('staff-intake').classList.contains('is-stale')").await;
    staff.picture("staff-laptop-stale").await;
    restaurant.to_tracking.mend();
    staff.until("!document.querySelector('staff-figures').classList.contains('is-stale')").await;
    eventually("both parts to be true again", async || {
        let stale = "return document.querySelectorAll('.is-stale').length";
        (staff.run(stale, vec![]).await == json!(0)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_cook_who_left_is_out_of_the_way_and_nothing_takes_less_than_no_time() {
    let restaurant = Restaurant::open().await;
    let mut cook = restaurant.stage.kitchen_worker("chef").start().await;
    restaurant.place("Jane").await;
    let staff = signed_in(&restaurant, Look::LAPTOP).await;
    staff.sees(".worker", "Working").await;
    staff.sees(".plot-title", "How many minutes orders wait and cook").await;
    staff.sees(".plot-words", "Half of the orders waited for at most").await;
    let words =
        "return [...document.querySelectorAll('.plot-words')].map((each) => each.innerText).join(' ')";
    let words = staff.run(words, vec![]).await;
    assert!(!words.as_str().unwrap().contains(" 0 sec"), "{words}");
    cook.stop().await;
    staff.sees(".away summary", "Away: 1").await;
    staff.sees("staff-figures .empty", "No cook is here.").await;
    staff.until("!document.querySelector('.worker').checkVisibility()").await;
    staff.press(".away summary").await;
    staff.sees(".away .worker", "chef").await;
}

#[tokio::test]
async fn the_page_is_usable_everywhere() {
    let restaurant = Restaurant::open().await;
    let _cook = restaurant.stage.kitchen_worker("chef_anna").cooking_seconds(1.0).start().await;
    for name in ["Nguyễn Thị Hoa", "Jane Doe", "Zoë Müller-Lüdenscheidt von und zu Hohenstein"] {
        restaurant.place(name).await;
    }
    place_for(&restaurant, "12 Garden Lane, Flat 3").await;
    restaurant.staff("POST", "/menu/items/minestrone/sold-out", &json!({})).await;
    restaurant.staff("PUT", "/inventory/tiramisu", &json!({"left": 3})).await;
    let staff = at_the_sign_in(&restaurant, Look::PHONE, "").await;
    is_usable(&staff, "staff sign-in").await;
    staff.write("#staff-key", KEY).await;
    staff.press("staff-sign-in button").await;
    for language in ["en", "ar"] {
        staff.open(&restaurant.order_page(&format!("staff?lang={language}"))).await;
        staff.until("document.querySelector('.order-row') && document.querySelector('staff-item') && document.querySelector('.worker')").await;
        staff.until("document.querySelectorAll('.plot canvas').length === 3").await;
        // Each plot has all its figures as a table, too.
        for (plot, rows) in [(1, 60), (2, 3), (3, 13)] {
            staff.press(&format!(".plot:nth-child({plot}) summary")).await;
            let is_whole =
                format!("document.querySelectorAll('.plot:nth-child({plot}) tbody tr').length === {rows}");
            staff.until(&is_whole).await;
        }
        is_usable(&staff, &format!("staff page in {language}")).await;
        pictures(&staff, &format!("staff-{language}")).await;
        staff.look(Look::of(320, 740, browser::Theme::Light)).await;
        staff.press(".order-open").await;
        staff.until("document.querySelector('.order-steps li')").await;
        is_usable(&staff, &format!("an order on the staff page in {language}")).await;
    }
    assert_eq!(staff.complaints().await, Vec::<String>::new());
}
