//! Plans are made once for each connection. One that was made for empty tables must not read full
//! ones.

use std::time::Duration;

use db::order_views::{Contact, Filter};
use db::retention::{self, Action};
use db::{Database, board, estimates, kitchen_tickets, order_views, status_events};
use domain::timestamp::Timestamp;
use testkit::eventually;

use crate::scene::Scene;

/// Orders that are stored after the plans were made.
const ROWS: i64 = 50_000;
/// What the tracking service asks, and who prunes, and the most rows that each may read. Some look
/// at the newest thousand rows in any case, and halve their way there.
const QUESTIONS: [(&str, i64); 11] = [
    ("status_events::read", 50),
    ("status_events::newest_ids", 20),
    ("status_events::of_orders", 10),
    ("order_views::one", 10),
    ("order_views::list since a day", 1_200),
    ("order_views::list", 1_200),
    ("board::read", 1_200),
    ("estimates::bases", 1_200),
    ("kitchen_tickets::read", 2_400),
    ("retention::order_piece", 9_000),
    ("retention::request_piece", 4_000),
];

async fn ask(question: &str, db: &Database) {
    let number = "ORD_20261130_7000".parse().unwrap();
    match question {
        "status_events::read" => {
            let spans = [(5, 5), (ROWS - 10, i64::MAX)];
            status_events::read(db, &spans, 100).await.map(drop)
        }
        "status_events::newest_ids" => status_events::newest_ids(db, 10).await.map(drop),
        "status_events::of_orders" => status_events::of_orders(db, &[number]).await.map(drop),
        "order_views::one" => order_views::one(db, &number, Contact::Shown).await.map(drop),
        "order_views::list" => {
            order_views::list(db, &Filter { limit: 50, ..Filter::default() }).await.map(drop)
        }
        "order_views::list since a day" => {
            let since = Timestamp::parse("2026-11-30T00:00:00Z").map(|since| since.0);
            order_views::list(db, &Filter { since, limit: 10, ..Filter::default() }).await.map(drop)
        }
        "board::read" => board::read(db, Duration::from_mins(15)).await.map(drop),
        "estimates::bases" => estimates::bases(db, &[number]).await.map(drop),
        "kitchen_tickets::read" => kitchen_tickets::read(db).await.map(drop),
        "retention::order_piece" => {
            let horizon = retention::horizon(db, retention::YOUNGEST).await.unwrap();
            retention::order_piece(db, &horizon, Action::Count, Some(100)).await.map(drop)
        }
        "retention::request_piece" => {
            let horizon = retention::horizon(db, retention::YOUNGEST).await.unwrap();
            retention::request_piece(db, &horizon, Action::Count, None).await.map(drop)
        }
        other => panic!("{other}"),
    }
    .unwrap_or_else(|why| panic!("{question}: {why}"));
}

/// The rows that ended sessions have read of all tables, and the entries of all indexes.
async fn rows_read(scene: &Scene) -> i64 {
    let read = "select (select sum(idx_tup_read) from pg_stat_user_indexes)::bigint
                     + (select sum(seq_tup_read) from pg_stat_user_tables)::bigint";
    scene.value(read).await.as_i64().unwrap()
}

#[tokio::test]
async fn what_is_read_of_full_tables_are_few_rows() {
    let scene = Scene::new().await;
    let mut connections = Vec::new();
    for (question, most) in QUESTIONS {
        let db = scene.single_connection();
        ask(question, &db).await;
        connections.push((question, most, db));
    }
    scene
        .execute(&format!(
            "insert into orders (number, customer_name, type, total_amount, status, created_at, updated_at)
             select 'ORD_20261130_' || lpad(n::text, greatest(3, length(n::text)), '0'), 'Jane', 'takeout', 1, 'completed', '2020-01-01',
                    case when n % 2 = 0 then '2020-01-01' else now() end
             from generate_series(1, {ROWS}) as n;
             insert into order_outbox (order_id, request_id) select id, 'a-request' from orders where id % 4 = 0;
             insert into status_outbox (request_id, order_number, old_status, new_status, changed_by, changed_at)
             select 'a-request', number, 'ready', 'completed', 'staff', now() from orders where id % 2 = 1;
             insert into order_requests (order_id, fingerprint, request_id, status, code, reason, created_at, updated_at)
             select gen_random_uuid(), '', 'a-request', 'FAILED', 'invalid', 'no', '2020-01-01', '2020-01-01' from orders;
             insert into order_items (order_id, name, quantity, price) select id, 'Soup', 1, 1 from orders;
             insert into order_adjustments (order_id, place, kind, rule, label, base, amount)
             select id, 1, 'fee', 'bag', 'Bag', 1, 0.10 from orders;
             insert into order_status_log (order_id, status, changed_by, changed_at)
             select id, 'completed', 'staff', '2020-01-01' from orders"
        ))
        .await;
    // What this session has read belongs to none of the questions.
    scene.execute("select pg_stat_force_next_flush()").await;
    let single = "pg_stat_activity where datname = current_database() and application_name = 'single'";
    let mut read_too_much = Vec::new();
    for (question, most, db) in connections {
        let (read_before, sessions) = (rows_read(&scene).await, scene.count(single).await);
        ask(question, &db).await;
        drop(db);
        // A session reports at its end what it has read.
        let has_ended = async || (scene.count(single).await < sessions).then_some(());
        eventually("the end of a session", has_ended).await;
        let read = rows_read(&scene).await - read_before;
        if read > most {
            read_too_much.push(format!("{question} read {read} rows, and not at most {most}"));
        }
    }
    assert!(read_too_much.is_empty(), "{read_too_much:#?}");
}

/// Orders that wait in the kitchen, and that were ready lately.
const BUSY: i64 = 3_000;

#[tokio::test]
async fn a_busy_kitchen_costs_what_is_open_and_what_was_lately() {
    let scene = Scene::new().await;
    scene
        .execute(&format!(
            "insert into orders (number, customer_name, type, total_amount, status)
             select 'ORD_20261130_' || lpad(n::text, greatest(3, length(n::text)), '0'), 'Jane', 'takeout', 1,
                    case when n <= {BUSY} then 'received' else 'ready' end
             from generate_series(1, 2 * {BUSY}) as n;
             insert into order_requests (order_id, fingerprint, request_id, status, code, reason, created_at, updated_at)
             select gen_random_uuid(), '', 'a-request', 'FAILED', 'invalid', 'no', '2020-01-01', '2020-01-01' from orders;
             insert into order_items (order_id, name, quantity, price) select id, 'Soup', 1, 1 from orders;
             insert into order_status_log (order_id, status, changed_by, changed_at)
             select id, step, 'chef_anna', now() - interval '1 minute' * (2 - place)
             from orders cross join unnest(array['cooking', 'ready']) with ordinality as steps (step, place)
             where status = 'ready' order by place, id"
        ))
        .await;
    scene.execute("select pg_stat_force_next_flush()").await;
    let single = "pg_stat_activity where datname = current_database() and application_name = 'single'";
    let number = "ORD_20261130_2999".parse().unwrap();
    for (question, most) in [("estimates::bases", 9 * BUSY), ("kitchen_tickets::read", 40 * BUSY)] {
        let (read_before, sessions) = (rows_read(&scene).await, scene.count(single).await);
        let db = scene.single_connection();
        if question == "estimates::bases" {
            let basis = estimates::bases(&db, &[number]).await.unwrap().remove(0).unwrap();
            assert_eq!((basis.ahead, basis.pace.is_some()), (2_998, true));
        } else {
            let kitchen = kitchen_tickets::read(&db).await.unwrap();
            assert_eq!((kitchen.open, kitchen.open_tickets.len()), (BUSY, 1_000));
        }
        drop(db);
        let has_ended = async || (scene.count(single).await <= sessions).then_some(());
        eventually("the end of a session", has_ended).await;
        let read = rows_read(&scene).await - read_before;
        assert!(read <= most, "{question} read {read} rows, and not at most {most}");
    }
}
