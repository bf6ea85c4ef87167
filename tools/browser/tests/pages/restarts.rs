//! Services and servers end and come back while pages are open. Each page says since when it may
//! not be true, and is true again without a reload.

use browser::{Browser, Look, Theme};
use fantoccini::wd::WindowHandle;
use serde_json::json;
use testkit::{Launch, PortClaim, Service};

use crate::restaurant::{Restaurant, STAFF_KEY, more};

/// People are told within 12 s of the last proof. The rest is for the browser.
const TOLD_WITHIN_MS: f64 = 12_500.0;
const WALL: Look = Look::of(1440, 900, Theme::Dark);
/// Pages say of which moment the last proof is, in whole seconds.
const TOLD_WITHIN_SECONDS: f64 = 13.0;
/// Notes when the page said for the first time, with a time of the day, that it is cut off; and how
/// many seconds that was after this time. Zones differ by quarters of an hour.
const WATCH: &str = r"
    window.wasNeverReloaded = true;
    window.toldAt = null;
    setInterval(() => {
        const text = document.querySelector(arguments[0])?.textContent ?? '';
        const [, minutes, seconds] = text.match(/\b\d\d:(\d\d):(\d\d)\b/) ?? [];
        if (window.toldAt !== null || !seconds) return;
        window.toldAt = Date.now();
        const proof = Number(minutes) * 60 + Number(seconds);
        window.toldAfter = (Math.floor(window.toldAt / 1000) - proof % 900 + 900) % 900;
    }, 100);";
/// Whether it says nothing of that, and nothing turned grey.
const IS_TRUE: &str = "!document.querySelector('.is-stale, .kitchen-cut')";

/// Whether everything on it was true once: what was never known cannot say since when it is not.
const IS_PROVEN: &str =
    "[...document.querySelectorAll('freshness-line')].every((line) => line.innerText.includes('as of'))";

/// A restaurant whose cook is a person.
struct Kitchen {
    restaurant: Restaurant,
    worker: Service,
    launch: Launch,
    claim: PortClaim,
}

impl Kitchen {
    async fn open() -> Self {
        let restaurant = Restaurant::open_with_own_servers().await;
        let claim = PortClaim::of(0).unwrap();
        let launch = restaurant
            .stage
            .kitchen_worker("chef_anna")
            .arg("--manual")
            .arg(format!("--port={}", claim.port()))
            .cooking_seconds(600.0)
            .env("ORDER_STAFF_KEY", STAFF_KEY)
            .ready_when_probed();
        let worker = launch.start().await;
        Self { restaurant, worker, launch, claim }
    }

    fn cook_page(&self) -> String {
        format!("http://127.0.0.1:{}/", self.claim.port())
    }

    async fn restart_worker(&mut self) {
        self.worker = self.launch.start().await;
    }
}

/// A page that stays open.
struct Screen {
    name: &'static str,
    window: WindowHandle,
    /// Where it says that it is cut off.
    told: &'static str,
}

/// All pages that show what goes on, each in a window of its own, of somebody who has signed in.
struct Screens {
    browser: Browser,
    all: Vec<Screen>,
}

const IN_LINE: &str = "order-tracker freshness-line .notice-title, ready-board freshness-line .notice-title, \
                       staff-figures freshness-line .notice-title";
const IN_BANNER: &str = ".kitchen-cut";

impl Screens {
    /// Opens all, and waits until each shows the order.
    async fn open(kitchen: &Kitchen, number: &str) -> Self {
        let browser = Browser::start("en", WALL).await;
        browser.open(&kitchen.cook_page()).await;
        browser.write("#key", STAFF_KEY).await;
        browser.press("form button").await;
        browser.until("document.querySelector('kitchen-display .kitchen-bar')").await;
        let restaurant = &kitchen.restaurant;
        let mut screens = Self { browser, all: Vec::new() };
        for (name, url, told, shows, text) in [
            ("cook", kitchen.cook_page(), IN_BANNER, "kitchen-ticket", "001"),
            ("kitchen", restaurant.tracking_page("kitchen"), IN_BANNER, "kitchen-ticket", "001"),
            ("board", restaurant.tracking_page("board"), IN_LINE, ".is-preparing .board-numbers", "001"),
            (
                "tracker",
                restaurant.tracking_page(&format!("track/{number}")),
                IN_LINE,
                "[aria-current=step]",
                "Received",
            ),
            ("staff", restaurant.order_page("staff"), IN_LINE, ".order-row", "Jane"),
        ] {
            let window = screens.browser.open_window(&url).await;
            screens.browser.sees(shows, text).await;
            screens.browser.until(IS_TRUE).await;
            screens.browser.until(IS_PROVEN).await;
            screens.browser.run(WATCH, vec![json!(told)]).await;
            screens.all.push(Screen { name, window, told });
        }
        screens
    }

    /// The browser's time.
    async fn now(&self) -> f64 {
        self.browser.run("return Date.now()", vec![]).await.as_f64().unwrap()
    }

    /// Goes to a page.
    async fn to(&self, name: &str) -> &Browser {
        let screen = self.all.iter().find(|screen| screen.name == name).unwrap();
        self.browser.to_tab(&screen.window).await;
        &self.browser
    }

    /// Waits until these pages have said that they are cut off: in time after what they follow was
    /// gone, at `since`, and after the last proof that they name.
    async fn are_cut_off(&self, names: &[&str], since: f64) {
        for screen in self.all.iter().filter(|screen| names.contains(&screen.name)) {
            let page = self.to(screen.name).await;
            let told = page.until("window.toldAt").await.as_f64().unwrap();
            assert!(told - since <= TOLD_WITHIN_MS, "{}: told after {} ms", screen.name, told - since);
            let after = page.run("return window.toldAfter", vec![]).await.as_f64().unwrap();
            assert!(after <= TOLD_WITHIN_SECONDS, "{}: told after {after} s", screen.name);
            page.until(&format!("document.querySelector({})", json!(screen.told))).await;
        }
    }

    /// Waits until all pages are true again. They are the same pages as before.
    async fn are_true(&self) {
        for screen in &self.all {
            let page = self.to(screen.name).await;
            page.until(IS_TRUE).await;
            assert_eq!(
                page.run("return window.wasNeverReloaded", vec![]).await,
                json!(true),
                "{}",
                screen.name
            );
        }
    }

    /// What happens next is on all pages: another order, and the first one is cooked.
    async fn go_on(&self, kitchen: &Kitchen) {
        kitchen.restaurant.place("Zoe").await;
        for (name, shows, text) in [
            ("kitchen", "kitchen-ticket", "002"),
            ("board", ".is-preparing .board-numbers", "002"),
            ("staff", ".order-row", "Zoe"),
            ("cook", "kitchen-ticket", "002"),
        ] {
            self.to(name).await.sees(shows, text).await;
        }
        let cook = self.to("cook").await;
        cook.until("!document.querySelector('[data-settling]')").await;
        cook.run("document.querySelector('.kitchen-step').click()", vec![]).await;
        cook.sees("kitchen-ticket.is-cooking", "001").await;
        self.to("tracker").await.sees("[aria-current=step]", "Being cooked").await;
        self.to("kitchen").await.sees("kitchen-ticket.is-cooking", "001").await;
        self.are_true().await;
        for screen in &self.all {
            self.to(screen.name).await;
            assert_eq!(self.browser.complaints().await, Vec::<String>::new(), "{}", screen.name);
        }
    }
}

const ALL: [&str; 5] = ["cook", "kitchen", "board", "tracker", "staff"];

#[tokio::test]
async fn postgresql_is_killed_and_comes_back() {
    let mut kitchen = Kitchen::open().await;
    let number = kitchen.restaurant.place("Jane").await;
    let screens = Screens::open(&kitchen, &number).await;
    kitchen.restaurant.stage.own_servers().postgres.kill();
    let since = screens.now().await;
    screens.are_cut_off(&ALL, since).await;
    // Nothing that was known is gone from a screen.
    for (name, shows) in
        [("cook", "kitchen-ticket"), ("kitchen", "kitchen-ticket"), ("board", ".board-numbers")]
    {
        screens.to(name).await.sees(shows, "001").await;
    }
    kitchen.restaurant.stage.own_servers().postgres.restart().await.unwrap();
    screens.are_true().await;
    kitchen.restaurant.order.until_status("/readyz", 200).await;
    screens.go_on(&kitchen).await;
}

#[tokio::test]
async fn all_services_stop_and_start_again() {
    let mut kitchen = Kitchen::open().await;
    let number = kitchen.restaurant.place("Jane").await;
    let screens = Screens::open(&kitchen, &number).await;
    let Kitchen { restaurant, worker, .. } = &mut kitchen;
    let (worker, order, tracking) =
        tokio::join!(worker.stop(), restaurant.order.stop(), restaurant.tracking.stop());
    assert_eq!([worker, order, tracking], [Some(0); 3]);
    let since = screens.now().await;
    screens.are_cut_off(&ALL, since).await;
    kitchen.restaurant.restart_order().await;
    kitchen.restaurant.restart_tracking().await;
    kitchen.restart_worker().await;
    screens.are_true().await;
    screens.go_on(&kitchen).await;
}

/// Without RabbitMQ nothing new comes to the cook, who is told. All other pages stay true. A guest
/// who orders is told that nothing was ordered, and can try again.
#[tokio::test]
async fn rabbitmq_stops_and_starts_again() {
    let mut kitchen = Kitchen::open().await;
    let number = kitchen.restaurant.place("Jane").await;
    let screens = Screens::open(&kitchen, &number).await;
    let guest = kitchen.restaurant.guest(Look::PHONE).await;
    guest.open(&kitchen.restaurant.order_page("")).await;
    guest.press(&more("pho-bo")).await;
    guest.write("#customer_name", "Ada").await;
    kitchen.restaurant.stage.own_servers().rabbitmq.stop().await;
    let since = screens.now().await;
    guest.press("button[type=submit]").await;
    screens.are_cut_off(&["cook"], since).await;
    screens.to("cook").await.sees(".kitchen-cut", "RabbitMQ does not answer").await;
    guest.sees(".form-notice", "Nothing was ordered").await;
    // Longer than any page would take to notice that it is not true.
    let is_late = format!("Date.now() - {since} > {TOLD_WITHIN_MS}");
    guest.until(&is_late).await;
    for name in ["kitchen", "board", "tracker", "staff"] {
        let told = screens.to(name).await.run("return window.toldAt", vec![]).await;
        assert_eq!(told, json!(null), "{name}");
    }

    kitchen.restaurant.stage.own_servers().rabbitmq.restart().await.unwrap();
    screens.are_true().await;
    kitchen.restaurant.order.until_status("/readyz", 200).await;
    guest.press("button[type=submit]").await;
    guest.sees("order-tracker h1", "We have your order").await;
    let address = guest.address().await;
    let ordered = address.rsplit('_').next().unwrap();
    screens.to("cook").await.sees("kitchen-ticket", ordered).await;
    screens.to("staff").await.sees(".order-row", "Ada").await;
    screens.are_true().await;
    assert_eq!(guest.complaints().await, Vec::<String>::new());
}
