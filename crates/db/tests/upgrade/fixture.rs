//! A database as version 5 left it.

use refinery::Migration;
use testkit::Stage;
use testkit::shared_servers::workspace;

/// Orders of each status with all their rows: so many that giving each an identity takes a while.
/// The open ones are old enough for a sweeper.
const ORDERS: &str = "
    insert into orders (created_at, number, customer_name, type, total_amount, status)
    select now() - interval '2 hours', 'ORD_20260101_' || lpad(n::text, greatest(3, length(n::text)), '0'), 'Jane Doe', 'takeout', 24.98,
           case when n % 1000 = 1 then 'received' when n % 1000 = 2 then 'cooking' when n % 4 = 0 then 'cancelled'
                when n % 4 = 1 then 'ready' else 'completed' end
    from generate_series(1, 60000) as n;
    insert into order_items (order_id, name, quantity, price) select id, 'Margherita Pizza', 1, 15.99 from orders;
    insert into order_items (order_id, name, quantity, price) select id, 'Caesar Salad', 1, 8.99 from orders;
    insert into order_status_log (order_id, status, changed_by) select id, 'received', 'order-service' from orders;
    insert into order_outbox (order_id, request_id, due_at)
    select id, 'request-' || id, now() from orders where status = 'received' order by id limit 20;
    insert into order_sweeps (order_id, swept_at, times)
    select id, now() - interval '1 minute', 3 from orders where status = 'received' order by id desc limit 5;
    insert into workers (name, type) values ('chef_mario', 'general');
    insert into worker_sessions (worker_id, token, heartbeat_seconds) select id, 3, 600 from workers;
    insert into order_claims (order_id, worker, token, attempt, lease_until, estimated_completion)
    select id, 'chef_mario', 3, 1, now() + interval '20 minutes', now() from orders where status = 'cooking'";

/// Refinery's table for its history.
const HISTORY: &str = "
    create table refinery_schema_history (
        version int4 primary key, name varchar(255), applied_on varchar(255), checksum varchar(255)
    )";

/// A stage whose database has the tables of version 5, and orders.
pub async fn version_5() -> Stage {
    let stage = Stage::new().await;
    let database = stage.database().await;
    database.execute(HISTORY).await;
    for name in [
        "V1__specified_tables",
        "V2__side_tables",
        "V3__whole_life",
        "V4__steady_tables",
        "V5__one_way_to_a_row",
    ] {
        let sql = std::fs::read_to_string(workspace().join(format!("migrations/{name}.sql"))).unwrap();
        database.execute(&sql).await;
        let applied = Migration::unapplied(name, &sql).unwrap();
        let entry = format!(
            "insert into refinery_schema_history values ({}, '{}', '2026-01-01T00:00:00Z', '{}')",
            applied.version(),
            applied.name(),
            applied.checksum()
        );
        database.execute(&entry).await;
    }
    database.execute(ORDERS).await;
    stage
}
