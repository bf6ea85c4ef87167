//! A tracking service, and orders in any state.

use testkit::database::Database;
use testkit::http::{Answer, send};
use testkit::{Service, Stage};

pub const KEY: &str = "the-staff-knows-this-key";
pub const STAFF: (&str, &str) = ("Authorization", "Bearer the-staff-knows-this-key");

pub struct Scene {
    pub stage: Stage,
    pub database: Database,
    pub service: Service,
}

impl Scene {
    pub async fn open() -> Self {
        let stage = Stage::new().await;
        stage.migrate().await;
        let database = stage.database().await;
        let launch = stage.tracking_service().env("ORDER_STAFF_KEY", KEY).ready_when_probed();
        let service = launch.start().await;
        Self { stage, database, service }
    }

    /// Stores a takeout order of this number of the day, so long ago, that only waits.
    pub async fn store(&self, place: u32, minutes_ago: f64) -> String {
        self.store_as(place, minutes_ago, "takeout", "Jane Doe", 1).await
    }

    pub async fn store_as(
        &self,
        place: u32,
        minutes_ago: f64,
        order_type: &str,
        name: &str,
        priority: i32,
    ) -> String {
        let number = number(place);
        self.database
            .execute(&format!(
                "insert into orders (number, customer_name, type, total_amount, priority, created_at, updated_at)
                 select '{number}', '{name}', '{order_type}', 24.98, {priority}, at, at
                 from (select now() - interval '{minutes_ago} minutes' as at) as time;
                 insert into order_items (order_id, name, quantity, price)
                 select id, 'Pho bo', 2, 12.49 from orders where number = '{number}';
                 insert into order_status_log (order_id, status, changed_by, changed_at)
                 select id, 'received', 'order-service', created_at from orders where number = '{number}'"
            ))
            .await;
        number
    }

    /// Stores so many takeout orders that have waited for long, with numbers of their own.
    pub async fn store_many(&self, count: i64) {
        self.database
            .execute(&format!(
                "insert into orders (number, customer_name, type, total_amount, created_at, updated_at)
                 select 'ORD_20241215_' || lpad(n::text, greatest(3, length(n::text)), '0'), 'Jane', 'takeout', 1, at, at
                 from generate_series(1, {count}) as n cross join (select now() - interval '9 hours' as at) as time;
                 insert into order_items (order_id, name, quantity, price)
                 select id, 'Pho bo', 2, 12.49 from orders where number like 'ORD_20241215_%'"
            ))
            .await;
    }

    /// Brings an order into a status, so long ago.
    pub async fn step(&self, place: u32, status: &str, minutes_ago: f64) {
        let number = number(place);
        self.database
            .execute(&format!(
                "update orders set status = '{status}', updated_at = now() - interval '{minutes_ago} minutes'
                 where number = '{number}';
                 insert into order_status_log (order_id, status, changed_by, changed_at)
                 select id, status, 'chef_anna', updated_at from orders where number = '{number}'"
            ))
            .await;
    }

    pub async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        send(self.service.port(), "GET", path, headers, b"").await
    }

    pub async fn ask_as_staff(&self, path: &str) -> Answer {
        self.ask(path, &[STAFF]).await
    }
}

pub fn number(place: u32) -> String {
    format!("ORD_20241216_{place:03}")
}
