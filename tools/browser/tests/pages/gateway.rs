//! Both services behind a gateway: one address, and a path for each.

use browser::{Browser, Look};
use testkit::gateway::Prefix;
use testkit::{Gateway, Launch, PortClaim, Service, Stage, eventually};

use crate::restaurant::{STAFF_KEY, more};

const ORDER: &str = "/r/order";
const TRACKING: &str = "/r/tracking";

/// A restaurant that browsers find at the gateway only.
struct BehindGateway {
    stage: Stage,
    tracking: Service,
    gateway: Gateway,
    _order: Service,
    _claims: [PortClaim; 2],
}

impl BehindGateway {
    async fn open(prefix: Prefix) -> Self {
        let stage = Stage::new().await;
        let claims = [PortClaim::of(0).unwrap(), PortClaim::of(0).unwrap()];
        let [order_port, tracking_port] = [claims[0].port(), claims[1].port()];
        let gateway = Gateway::open(prefix, &[(ORDER, order_port), (TRACKING, tracking_port)]).await;
        let url = |path: &str| format!("http://127.0.0.1:{}{path}", gateway.port());
        let ours = |launch: Launch, port: u16, path: &str| {
            let launch = launch
                .arg(format!("--port={port}"))
                .env("WEB_ORDER_URL", url(ORDER))
                .env("WEB_TRACKING_URL", url(TRACKING))
                .env("ORDER_STAFF_KEY", STAFF_KEY);
            match prefix {
                Prefix::PassedOn => launch.env("WEB_BASE_PATH", path),
                Prefix::Stripped => launch,
            }
        };
        let order = ours(stage.order_service(), order_port, ORDER).env("MENU_MODE", "on").start().await;
        let tracking = ours(stage.tracking_service(), tracking_port, TRACKING).ready_when_probed();
        let tracking = tracking.start().await;
        stage.import_menu(&order).await;
        Self { stage, tracking, gateway, _order: order, _claims: claims }
    }

    fn page(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.gateway.port())
    }
}

#[tokio::test]
async fn pages_work_behind_a_gateway_that_strips_its_prefix() {
    people_work_behind(&BehindGateway::open(Prefix::Stripped).await).await;
}

#[tokio::test]
async fn pages_work_behind_a_gateway_that_passes_its_prefix_on() {
    let restaurant = BehindGateway::open(Prefix::PassedOn).await;
    let guest = Browser::start("en", Look::PHONE).await;
    guest.open(&restaurant.page(ORDER)).await;
    guest.sees("menu-list", "Phở bò").await;
    assert_eq!(guest.address().await, restaurant.page("/r/order/"), "links of a page need the slash");
    drop(guest);
    people_work_behind(&restaurant).await;
}

async fn people_work_behind(restaurant: &BehindGateway) {
    let guest = Browser::start("en", Look::PHONE).await;
    let number = a_guest_orders_and_follows(restaurant, &guest).await;
    let _kitchen = restaurant.stage.kitchen_worker("chef_anna").start().await;
    guest.sees("[aria-current=step]", "Ready").await;
    guest.open(&restaurant.page("/r/tracking/board")).await;
    guest.sees(".is-ready .board-numbers", "001").await;
    // An address that does not exist finds its way to the style, however deep it is.
    guest.open(&restaurant.page("/r/tracking/track/nothing/here")).await;
    guest.sees("h1", "Nothing is served here").await;
    guest.until("document.styleSheets[0]?.cssRules.length > 0").await;
    assert_eq!(guest.complaints().await, Vec::<String>::new());

    let staff = Browser::start("en", Look::LAPTOP).await;
    the_staff_signs_in_by_the_form_of_a_page(restaurant, &staff).await;
    // One sign-in is for both services.
    staff.open(&restaurant.page("/r/order/staff")).await;
    staff.sees("staff-figures freshness-line", "as of").await;
    staff.sees(".order-row", "Jane").await;
    staff.press(".order-open").await;
    staff.sees("staff-order dialog", &number).await;
    staff.press(".order-complete").await;
    staff.sees("staff-order .order-steps", "Handed over").await;
    staff.press(".order-close").await;
    staff.press(".sign-out").await;
    staff.until("document.activeElement?.id === 'staff-key'").await;
    staff.open(&restaurant.page("/r/tracking/kitchen")).await;
    staff.until("document.querySelector('#key')").await;
    assert_eq!(staff.complaints().await, Vec::<String>::new());
}

/// Returns the number of the order.
async fn a_guest_orders_and_follows(restaurant: &BehindGateway, guest: &Browser) -> String {
    guest.open(&restaurant.page("/r/order/")).await;
    guest.press(&more("pho-bo")).await;
    guest.write("#customer_name", "Jane").await;
    guest.press("button[type=submit]").await;
    guest.sees("order-tracker h1", "We have your order").await;
    let database = restaurant.stage.database().await;
    let number = database.value("select number from orders").await.as_str().unwrap().to_owned();
    assert_eq!(guest.address().await, restaurant.page(&format!("/r/tracking/track/{number}")));
    guest.sees("[aria-current=step]", "Received").await;
    // What follows comes by the stream.
    eventually("a stream", async || {
        let requests = restaurant.tracking.logged("request_received");
        requests
            .iter()
            .any(|line| line["details"]["endpoint"] == "/orders/{order_number}/events")
            .then_some(())
    })
    .await;
    number
}

async fn the_staff_signs_in_by_the_form_of_a_page(restaurant: &BehindGateway, staff: &Browser) {
    let kitchen = restaurant.page("/r/tracking/kitchen");
    staff.open(&kitchen).await;
    staff.write("#key", "the-guest-tries-this").await;
    staff.press("form button").await;
    staff.sees("[role=alert]", "This is not the staff's key.").await;
    staff.write("#key", STAFF_KEY).await;
    staff.press("form button").await;
    staff.until("document.querySelector('kitchen-display .kitchen-bar')").await;
    assert_eq!(staff.address().await, kitchen);
}
