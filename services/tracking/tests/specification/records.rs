//! Writes rows as the order service and the kitchen do, with times that a test can quote.

use testkit::database::Database;
use testkit::{Service, Stage};

/// The order of the specification's examples.
pub const NUMBER: &str = "ORD_20241216_001";

/// A stage with all tables, and a tracking service that is ready.
pub async fn open() -> (Stage, Database, Service) {
    let stage = Stage::new().await;
    stage.migrate().await;
    let database = stage.database().await;
    let service = stage.tracking_service().ready_when_probed().start().await;
    (stage, database, service)
}

/// Stores an order. `cook` is SQL: a quoted name or `null`.
pub async fn store(database: &Database, number: &str, status: &str, cook: &str) {
    database
        .execute(&format!(
            "insert into orders (number, customer_name, type, total_amount, status, processed_by, created_at, updated_at)
             values ('{number}', 'Jane Doe', 'takeout', 24.98, '{status}', {cook},
                     '2024-12-16 10:30:00Z', '2024-12-16 10:32:00Z')"
        ))
        .await;
}

/// Claims an order until ten minutes later.
pub async fn claim(database: &Database, number: &str) {
    database
        .execute(&format!(
            "insert into order_claims (order_id, worker, token, attempt, lease_until, estimated_completion)
             select id, 'chef_mario', 1, 1, now(), '2024-12-16 10:42:00Z' from orders where number = '{number}'"
        ))
        .await;
}

/// Adds a step to the history of an order.
pub async fn log(database: &Database, number: &str, status: &str, changed_by: &str, changed_at: &str) {
    database
        .execute(&format!(
            "insert into order_status_log (order_id, status, changed_by, changed_at)
             select id, '{status}', '{changed_by}', '{changed_at}' from orders where number = '{number}'"
        ))
        .await;
}
