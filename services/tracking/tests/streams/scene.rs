//! A tracking service whose orders change.

use testkit::database::Database;
use testkit::{EventStream, Launch, Service, Stage};

pub const NUMBER: &str = "ORD_20241216_001";

pub struct Scene {
    pub stage: Stage,
    pub database: Database,
    pub service: Service,
}

impl Scene {
    pub async fn open() -> Self {
        Self::on(Stage::new().await).await
    }

    pub async fn on(stage: Stage) -> Self {
        stage.migrate().await;
        let database = stage.database().await;
        store(&database, NUMBER).await;
        let service = launch(&stage).start().await;
        Self { stage, database, service }
    }

    /// Adds a step to the log of the order. Returns its id.
    pub async fn step(&self, status: &str) -> i64 {
        step(&self.database, NUMBER, status).await
    }

    pub async fn stream(&self) -> EventStream {
        EventStream::open(self.service.port(), &path(NUMBER), &[]).await
    }

    pub async fn resumed(&self, after: &EventStream) -> EventStream {
        EventStream::resume(self.service.port(), &path(NUMBER), &[], after).await
    }

    pub async fn resumed_at(&self, position: &str) -> EventStream {
        EventStream::open(self.service.port(), &path(NUMBER), &[("Last-Event-ID", position)]).await
    }
}

pub fn launch(stage: &Stage) -> Launch {
    stage.tracking_service().ready_when_probed()
}

pub fn path(number: &str) -> String {
    format!("/orders/{number}/events")
}

pub async fn store(database: &Database, number: &str) {
    let sql = format!(
        "insert into orders (number, customer_name, type, total_amount) values ('{number}', 'Jane', 'takeout', 1)"
    );
    database.execute(&sql).await;
}

/// Adds a step to the log of an order, perhaps in a transaction that is open. Returns its id.
pub async fn step(database: &Database, number: &str, status: &str) -> i64 {
    let sql = format!(
        "insert into order_status_log (order_id, status, changed_by, changed_at)
         select id, '{status}', 'chef_anna', '2024-12-16 10:32:00Z' from orders where number = '{number}'
         returning id"
    );
    let row = database.client.query_one(&sql, &[]).await.unwrap();
    row.get::<_, i32>(0).into()
}
