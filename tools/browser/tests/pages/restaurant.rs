//! A restaurant with both services, as `up` opens it, and the menu of `deploy/menu.yaml`.

use browser::{Browser, Look};
use serde_json::{Value, json};
use testkit::http::{Answer, send};
use testkit::{Launch, PortClaim, Proxy, Service, Stage};

pub const STAFF_KEY: &str = "the-staff-knows-this-key";

/// Both services. Browsers reach them through proxies, and so does the tracking service PostgreSQL:
/// a test can cut each of them off.
pub struct Restaurant {
    pub stage: Stage,
    pub order: Service,
    pub tracking: Service,
    /// Start the services once more, on the same ports.
    order_launch: Launch,
    tracking_launch: Launch,
    pub to_order: Proxy,
    pub to_tracking: Proxy,
    pub to_postgres: Proxy,
    _claims: [PortClaim; 2],
}

impl Restaurant {
    /// Opens one with the shipped menu.
    pub async fn open() -> Self {
        Self::with_menu_on(Stage::new().await).await
    }

    /// The same on servers of its own, which the test may stop.
    pub async fn open_with_own_servers() -> Self {
        Self::with_menu_on(Stage::with_own_servers().await).await
    }

    async fn with_menu_on(stage: Stage) -> Self {
        let restaurant = Self::opened(stage, "on").await;
        restaurant.stage.import_menu(&restaurant.order).await;
        restaurant
    }

    /// Opens one where guests name dishes and prices.
    pub async fn without_menu() -> Self {
        Self::opened(Stage::new().await, "off").await
    }

    async fn opened(stage: Stage, menu_mode: &str) -> Self {
        let claims = [PortClaim::of(0).unwrap(), PortClaim::of(0).unwrap()];
        let [order_port, tracking_port] = [claims[0].port(), claims[1].port()];
        let (to_order, to_tracking) = (Proxy::to(order_port).await, Proxy::to(tracking_port).await);
        let to_postgres = stage.postgres_proxy().await;
        let ours = |launch: Launch, port: u16| {
            launch
                .arg(format!("--port={port}"))
                .env("WEB_ORDER_URL", format!("http://127.0.0.1:{}", to_order.port()))
                .env("WEB_TRACKING_URL", format!("http://127.0.0.1:{}", to_tracking.port()))
                .env("ORDER_STAFF_KEY", STAFF_KEY)
        };
        let order_launch = ours(stage.order_service(), order_port).env("MENU_MODE", menu_mode);
        let order = order_launch.start().await;
        // While nothing is measured, estimates come from these.
        let tracking_launch = ours(stage.tracking_service(), tracking_port)
            .env("DB_PORT", to_postgres.port().to_string())
            .cooking_seconds(300.0)
            .ready_when_probed();
        let tracking = tracking_launch.start().await;
        Self {
            stage,
            order,
            tracking,
            order_launch,
            tracking_launch,
            to_order,
            to_tracking,
            to_postgres,
            _claims: claims,
        }
    }

    /// How many streams of an order browsers have asked for.
    pub fn streams_asked_for(&self) -> usize {
        let requests = self.tracking.logged("request_received");
        requests.iter().filter(|line| line["details"]["endpoint"] == "/orders/{order_number}/events").count()
    }

    /// Starts the order service again, after a test has ended it.
    pub async fn restart_order(&mut self) {
        self.order = self.order_launch.start().await;
    }

    /// Starts the tracking service again, after a test has ended it.
    pub async fn restart_tracking(&mut self) {
        self.tracking = self.tracking_launch.start().await;
    }

    /// A browser of somebody who speaks English.
    pub async fn guest(&self, look: Look) -> Browser {
        Browser::start("en", look).await
    }

    /// An address of the order service, as browsers know it.
    pub fn order_page(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.to_order.port())
    }

    /// An address of the tracking service, as browsers know it.
    pub fn tracking_page(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.to_tracking.port())
    }

    /// A call of the staff.
    pub async fn staff(&self, method: &str, path: &str, body: &Value) -> Answer {
        let key = format!("Bearer {STAFF_KEY}");
        let headers = [("Content-Type", "application/json"), ("Authorization", key.as_str())];
        let answer = send(self.order.port(), method, path, &headers, body.to_string().as_bytes()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// From now on a rule of this name takes a tenth off every order.
    pub async fn tenth_off(&self, label: &str) {
        let rule = format!(
            "insert into price_rules (id, kind, label, percent) values ('tenth', 'discount', '{label}', '10')"
        );
        self.stage.database().await.execute(&rule).await;
        // Edits by hand are seen by the next look, which an edit of the staff brings about.
        self.staff("POST", "/menu/items/lemonade/back", &json!({})).await;
    }

    /// Places an order without a browser. Returns its number.
    pub async fn place(&self, name: &str) -> String {
        self.place_as(json!({"customer_name": name, "order_type": "takeout"})).await
    }

    /// Places an order of one soup for whoever this is, without a browser. Returns its number.
    pub async fn place_as(&self, mut body: Value) -> String {
        body["items"] = json!([{"item_id": "pho-bo", "quantity": 1}]);
        let answer = self.order.post("/orders", &body.to_string()).await;
        answer.json()["order_number"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    }

    /// How many orders there are.
    pub async fn orders(&self) -> Value {
        self.stage.database().await.value("select count(*) from orders").await
    }
}

/// The button that adds one more of an item.
pub fn more(item: &str) -> String {
    format!("menu-item:has(#item-{item}) .step-more")
}
