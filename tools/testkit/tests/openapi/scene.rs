//! The three services with HTTP interfaces, on one stage.

use serde_json::Value;
use testkit::http::{Answer, send};
use testkit::orders::takeout;
use testkit::{Launch, Service, Stage, eventually};

use crate::description::Operation;

const KEY: &str = "the-staff-knows-this-key";
pub const AUTHORIZATION: &str = "Bearer the-staff-knows-this-key";
/// The item that examples name.
const ITEM: &str = "pho-bo";

pub struct Scene {
    _stage: Stage,
    /// It sells from the menu.
    pub order: Service,
    /// Its guests name the prices.
    pub free: Service,
    pub tracking: Service,
    /// Its cook is a person.
    pub kitchen: Service,
}

impl Scene {
    pub async fn open() -> Self {
        let stage = Stage::new().await.at_noon().await;
        let ours = |launch: Launch| launch.env("ORDER_STAFF_KEY", KEY);
        let order = ours(stage.order_service()).env("MENU_MODE", "on").start().await;
        let free = ours(stage.order_service()).start().await;
        let tracking = ours(stage.tracking_service()).ready_when_probed().start().await;
        // One example needs an order after the other, and no ticket is ever taken off.
        let kitchen = ours(stage.kitchen_worker("chef_anna")).arg("--manual").arg("--port=0");
        let kitchen = kitchen.arg("--prefetch=100").start().await;
        stage.import_menu(&order).await;
        Self { _stage: stage, order, free, tracking, kitchen }
    }

    /// Each with the short name of its service.
    pub fn services(&self) -> [(&'static str, &Service); 3] {
        [("order", &self.order), ("tracking", &self.tracking), ("kitchen", &self.kitchen)]
    }

    /// Lets the next example find what it needs: an order, an item that is counted, an open intake.
    /// Returns the order's number.
    pub async fn prepare(&self) -> String {
        let path = format!("/inventory/{ITEM}");
        let restocked = self.staff(&self.order, "PUT", &path, r#"{"left": 20}"#).await;
        assert_eq!(restocked.status, 200, "{restocked:?}");
        for (method, path) in
            [("DELETE", "/intake/pause".to_owned()), ("POST", format!("/menu/items/{ITEM}/back"))]
        {
            assert_eq!(self.staff(&self.order, method, &path, "").await.status, 200, "{path}");
        }
        // The other service learns of it a moment later.
        eventually("an open intake", async || {
            self.free.get("/intake").await.body.contains(r#""accepting":true"#).then_some(())
        })
        .await;
        self.free.place(&takeout()).await
    }

    /// Waits until the kitchen has the ticket.
    pub async fn until_ticket(&self, number: &str) {
        eventually("the ticket", async || {
            let tickets = self.staff(&self.kitchen, "GET", "/tickets", "").await;
            tickets.body.contains(number).then_some(())
        })
        .await;
    }

    /// A call of the staff.
    pub async fn staff(&self, service: &Service, method: &str, path: &str, body: &str) -> Answer {
        let headers = [("Content-Type", "application/json"), ("Authorization", AUTHORIZATION)];
        send(service.port(), method, path, &headers, body.as_bytes()).await
    }
}

/// The path of an operation, with its parameters filled in.
pub fn filled(operation: &Operation, number: &str) -> String {
    let values = [
        ("{number}", number),
        ("{order_number}", number),
        ("{id}", ITEM),
        ("{line}", "0"),
        ("{order_id}", "019ab6ce-5d80-7c3e-8f12-3456789abcde"),
    ];
    let filled = values.iter().fold(operation.path.clone(), |path, (name, value)| path.replace(name, value));
    assert!(!filled.contains('{'), "{filled}: a parameter that this test does not know");
    filled
}

/// The schema of an answer's body in its description; `None` for what is no JSON.
pub fn schema_of<'a>(response: &'a Value, answer: &Answer) -> Option<&'a Value> {
    let kind = answer.headers.get("content-type")?.split(';').next()?.trim();
    let content = &response["content"][kind];
    assert!(!content.is_null(), "{kind} is not described: {answer:?}");
    kind.ends_with("json").then(|| &content["schema"])
}
