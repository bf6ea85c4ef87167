//! A kitchen with a manual worker, and displays of it.

use browser::{Browser, Look, Theme};
use serde_json::Value;
use testkit::http::send;
use testkit::{Launch, Proxy, Service, Stage, eventually};

pub const KEY: &str = "the-staff-knows-this-key";
/// The key Enter (`WebDriver`, "Keyboard actions").
pub const ENTER: &str = "\u{e007}";
pub const SCREEN: Look = Look::of(1920, 1080, Theme::Dark);

/// An order service and a manual worker, which displays reach through a proxy.
pub struct Kitchen {
    pub stage: Stage,
    pub orders: Service,
    _worker: Service,
    pub proxy: Proxy,
}

impl Kitchen {
    pub async fn open() -> Self {
        Self::of(Stage::new().await, |worker| worker).await
    }

    /// With this change of the worker's start.
    pub async fn of(stage: Stage, change: impl FnOnce(Launch) -> Launch) -> Self {
        let orders = stage.order_service().env("ORDER_STAFF_KEY", KEY).start().await;
        let worker = stage.kitchen_worker("chef_anna").arg("--manual").arg("--port=0").cooking_seconds(600.0);
        let worker = change(worker.env("ORDER_STAFF_KEY", KEY).ready_when_probed()).start().await;
        let proxy = Proxy::to(worker.port()).await;
        Self { stage, orders, _worker: worker, proxy }
    }

    /// A display of somebody who has signed in.
    pub async fn display(&self, query: &str) -> Browser {
        let display = Browser::start("en", SCREEN).await;
        display.open(&format!("http://127.0.0.1:{}/{query}", self.proxy.port())).await;
        display.write("#key", KEY).await;
        display.press("form button").await;
        display.until("document.querySelector('kitchen-display .kitchen-bar')").await;
        display
    }

    /// Places an order, and waits until the display has it.
    pub async fn ticketed(&self, display: &Browser, order: &Value) -> String {
        let number = self.orders.place(order).await;
        display.sees("kitchen-ticket", short(&number)).await;
        number
    }

    pub async fn until(&self, number: &str, status: &str) {
        let database = self.stage.database().await;
        let sql = format!("select status from orders where number = '{number}'");
        eventually(&format!("{number} to be {status}"), async || {
            (database.value(&sql).await == status).then_some(())
        })
        .await;
    }

    pub async fn steps(&self, number: &str) -> Vec<Value> {
        let sql = format!(
            "select log.status from order_status_log as log join orders on orders.id = order_id
             where number = '{number}' order by log.id"
        );
        self.stage.database().await.rows(&sql).await.into_iter().map(|row| row["status"].clone()).collect()
    }

    pub async fn cancel(&self, number: &str) {
        let staff = format!("Bearer {KEY}");
        let path = format!("/orders/{number}/cancel");
        let answer = send(self.orders.port(), "POST", &path, &[("Authorization", &staff)], b"").await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// Makes the next step of the first ticket that has this button, as soon as it takes one.
pub async fn press_step(display: &Browser, button: &str) {
    settled(display).await;
    display.press(button).await;
}

/// Waits until the second half of a double tap is over on all tickets.
pub async fn settled(display: &Browser) {
    display.until("!document.querySelector('[data-settling]')").await;
}

pub fn short(number: &str) -> &str {
    number.rsplit('_').next().unwrap()
}
