//! The figures of the whole system: what they count, and how little they read.

use std::time::Duration;

use db::audit::{self, Scope, Since};
use db::roles::{self, Account, Surplus};
use db::system_figures::{self, SystemFigures};
use db::{Access, Database, DbError, rights};
use domain::{OrderStatus, OrderType, ServerUser, Specialisation};
use testkit::eventually;

use crate::scene::Scene;

/// Orders that nobody needs any more.
const ROWS: i64 = 50_000;
/// The newest thousand rows are looked at in any case, and some on the way there.
const MOST_READ: i64 = 2_400;

fn count(figures: &SystemFigures, order_type: OrderType, status: OrderStatus) -> String {
    let these = figures.orders.iter().filter(|of| of.order_type == order_type && of.status == status);
    these.fold(0.0, |total, of| total + of.count).to_string()
}

#[tokio::test]
async fn what_is_open_is_counted_and_of_the_rest_what_is_of_this_day() {
    let scene = Scene::new().await;
    scene
        .execute(
            "insert into orders (number, customer_name, type, total_amount, status, created_at) values
                 ('ORD_20261120_001', 'Jane', 'takeout', 1, 'received', now() - interval '2 days'),
                 ('ORD_20261120_002', 'Jane', 'takeout', 1, 'ready', now() - interval '2 days'),
                 ('ORD_20261120_003', 'Jane', 'takeout', 1, 'received', now()),
                 ('ORD_20261120_004', 'Jane', 'takeout', 1, 'ready', now()),
                 ('ORD_20261120_005', 'Jane', 'delivery', 1, 'cancelled', now());
             update orders set priority = 10 where number = 'ORD_20261120_003';
             insert into order_outbox (order_id, request_id) select id, 'x' from orders where number like '%_003';
             insert into workers (name, type, last_seen) values
                 ('chef_anna', 'general', now()), ('chef_mario', 'dine_in,takeout', now() - interval '1 day')",
        )
        .await;
    let figures = system_figures::read(&scene.db).await.unwrap();
    assert_eq!(count(&figures, OrderType::Takeout, OrderStatus::Received), "2");
    assert_eq!(count(&figures, OrderType::Takeout, OrderStatus::Ready), "1");
    assert_eq!(count(&figures, OrderType::Delivery, OrderStatus::Cancelled), "1");
    assert_eq!(count(&figures, OrderType::DineIn, OrderStatus::Received), "0");
    let mut waiting: Vec<_> =
        figures.waiting.iter().map(|of| (of.order_type, of.priority, of.count.to_string())).collect();
    waiting.sort_by_key(|(_, priority, _)| *priority);
    let one = "1".to_owned();
    assert_eq!(waiting, [(OrderType::Takeout, 1, one.clone()), (OrderType::Takeout, 10, one)]);
    let waited = figures.waiting.iter().map(|of| of.oldest).max().unwrap();
    assert!((172_800..172_900).contains(&waited.as_secs()), "{waited:?}");
    assert_eq!(figures.outboxes.map(|outbox| outbox.rows.to_string()), ["1", "0", "0"]);
    let mut workers: Vec<_> =
        figures.workers.iter().map(|of| (of.specialisation.to_string(), of.online)).collect();
    workers.sort();
    let mario = Specialisation::Only([OrderType::DineIn, OrderType::Takeout].into()).to_string();
    assert_eq!(workers, [(mario, false), ("general".to_owned(), true)]);
}

async fn rows_read(scene: &Scene) -> i64 {
    let read = "select (select sum(idx_tup_read) from pg_stat_user_indexes)::bigint
                     + (select sum(seq_tup_read) from pg_stat_user_tables)::bigint";
    scene.value(read).await.as_i64().unwrap()
}

#[tokio::test]
async fn few_rows_of_full_tables_are_read() {
    let scene = Scene::new().await;
    let db = scene.single_connection();
    system_figures::read(&db).await.unwrap();
    scene
        .execute(&format!(
            "insert into orders (number, customer_name, type, total_amount, status, created_at)
             select 'ORD_20261130_' || lpad(n::text, greatest(3, length(n::text)), '0'), 'Jane', 'takeout', 1, 'ready', '2020-01-01'
             from generate_series(1, {ROWS}) as n"
        ))
        .await;
    // What this session has read is not of the figures.
    scene.execute("select pg_stat_force_next_flush()").await;
    let single = "pg_stat_activity where datname = current_database() and application_name = 'single'";
    let (before, sessions) = (rows_read(&scene).await, scene.count(single).await);
    system_figures::read(&db).await.unwrap();
    drop(db);
    // A session reports at its end what it has read.
    eventually("the end of the session", async || (scene.count(single).await < sessions).then_some(())).await;
    let read = rows_read(&scene).await - before;
    assert!((1..=MOST_READ).contains(&read), "{read} rows were read");
}

/// What the exporter asks.
async fn ask_all(db: &Database) -> Result<(), DbError> {
    let since = Since::Ago(Duration::from_hours(24));
    let scope = Scope { since, settled: false, statement_timeout: Duration::from_secs(30) };
    system_figures::read(db).await?;
    audit::run(db, &scope).await.map(drop)
}

#[tokio::test]
async fn the_exporter_needs_each_of_its_rights_and_no_other() {
    let scene = Scene::new().await;
    let account = Account { user: ServerUser::Exporter, password: Some("a password".into()) };
    roles::ensure(&scene.db, &[account], Surplus::Revoked).await.unwrap();
    let role = roles::name(&scene.stage.name, ServerUser::Exporter);
    let mut settings = scene.stage.database_settings();
    settings.user.clone_from(&role);
    settings.password = "a password".into();
    let db = Database::new(&settings, "test", Access::ReadOnly).unwrap();
    ask_all(&db).await.unwrap();
    for (table, right) in rights::of(ServerUser::Exporter).unwrap() {
        scene.execute(&format!("revoke {right} on {table} from {role}")).await;
        assert!(ask_all(&db).await.is_err(), "it does without {right} on {table}");
        scene.execute(&format!("grant {right} on {table} to {role}")).await;
    }
    ask_all(&db).await.unwrap();
    scene.execute(&format!("drop owned by {role}; drop role {role}")).await;
}
