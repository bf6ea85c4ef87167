//! A restaurant whose menu is on, and its staff.

use serde_json::{Value, json};
use testkit::http::{Answer, send};
use testkit::{Service, Stage};

const KEY: &str = "the-staff-knows-this-key";

/// An order service that goes by the menu.
pub struct Shop {
    pub stage: Stage,
    pub service: Service,
}

impl Shop {
    /// Opens one with these items: id, name, price.
    pub async fn selling(items: &[(&str, &str, &str)]) -> Self {
        let stage = Stage::new().await;
        let service = another_service(&stage).await;
        let shop = Self { stage, service };
        for (id, name, price) in items {
            let body = format!(r#"{{"name": "{name}", "price": {price}}}"#);
            assert_eq!(shop.staff("PUT", &format!("/menu/items/{id}"), &body).await.status, 200);
        }
        shop
    }

    /// Pho for 9.50, a pizza for 12.00 and lemonade for 3.20.
    pub async fn open() -> Self {
        let items = [
            ("pho-bo", "Pho bo", "9.50"),
            ("margherita", "Margherita", "12"),
            ("lemonade", "Lemonade", "3.2"),
        ];
        Self::selling(&items).await
    }

    /// A call of the staff.
    pub async fn staff(&self, method: &str, path: &str, body: &str) -> Answer {
        staff(&self.service, method, path, body).await
    }

    /// A call of a guest.
    pub async fn guest(&self, method: &str, path: &str, body: &Value) -> Answer {
        send(self.service.port(), method, path, &[JSON], body.to_string().as_bytes()).await
    }

    /// Orders these items to take out.
    pub async fn order(&self, items: Value) -> Answer {
        order(&self.service, items).await
    }

    /// Sets what is left of an item.
    pub async fn set_left(&self, id: &str, left: u32) {
        let body = json!({"left": left}).to_string();
        assert_eq!(self.staff("PUT", &format!("/inventory/{id}"), &body).await.status, 200);
    }

    /// What is left of an item, as the database says.
    pub async fn left(&self, id: &str) -> Value {
        let sql = format!("select \"left\"::bigint from inventory_items where item_id = '{id}'");
        self.stage.database().await.value(&sql).await
    }
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// One more service of the same restaurant.
pub async fn another_service(stage: &Stage) -> Service {
    stage.order_service().env("MENU_MODE", "on").env("ORDER_STAFF_KEY", KEY).start().await
}

/// A call of the staff at this service.
pub async fn staff(service: &Service, method: &str, path: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {KEY}");
    send(service.port(), method, path, &[JSON, ("Authorization", &bearer)], body.as_bytes()).await
}

/// Orders these items to take out at this service.
pub async fn order(service: &Service, items: Value) -> Answer {
    let body = json!({"customer_name": "Jane Doe", "order_type": "takeout", "items": items});
    service.post("/orders", &body.to_string()).await
}

/// An amount as it stands in JSON: digit for digit.
pub fn amount(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
