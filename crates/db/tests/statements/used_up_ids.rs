//! Exhausted ids and sequences behind their tables: the error advises a remedy, and it works.

use std::time::Duration;

use db::claims::{LockMode, claim};
use db::workers::register;
use db::{DbError, sequences};
use domain::Specialisation;
use serde_json::json;

use crate::scene::{LEASE, Scene, anna, mario, place, takeout, wish};

/// The statements that an error advises.
fn advised(why: &DbError) -> String {
    assert!(why.is_permanent() && !why.is_in_doubt(), "{why:?}");
    let text = why.to_string();
    let (_, sql) = text.split_once("as the tables' owner run: ").unwrap_or_else(|| panic!("{text}"));
    sql.strip_suffix(')').unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// After the damage no order is stored. After the remedy orders are.
async fn the_advice_helps(scene: &Scene, damage: &str, remedy: &str) {
    let before = scene.count("orders").await;
    scene.execute(damage).await;
    let advised = advised(&place(&scene.db, &[takeout()]).await.unwrap_err());
    assert!(advised.starts_with(remedy), "{damage}: {advised}");
    assert_eq!(scene.count("orders").await, before, "{damage}");
    scene.execute(&advised).await;
    scene.place_many(3).await;
}

#[tokio::test]
async fn a_sequence_that_is_behind_its_table_is_brought_up_to_it() {
    let scene = Scene::new().await;
    for table in ["orders", "order_items", "order_status_log"] {
        scene.place_many(3).await;
        let damage = format!("select setval('{table}_id_seq', 1, false)");
        let remedy = format!("select setval(pg_get_serial_sequence('{table}', 'id'), ");
        the_advice_helps(&scene, &damage, &remedy).await;
    }
}

#[tokio::test]
async fn what_is_left_of_an_order_that_is_gone_is_passed() {
    let scene = Scene::new().await;
    for rest in [
        "insert into order_identities (identity, order_id) select gen_random_uuid(), last_value + 2 from orders_id_seq",
        "insert into order_outbox (order_id, request_id) select last_value + 2, 'r' from orders_id_seq",
    ] {
        scene.place().await;
        scene.execute(rest).await;
        scene.place().await;
        the_advice_helps(&scene, "", "select setval(pg_get_serial_sequence('orders', 'id'), greatest(").await;
    }
}

#[tokio::test]
async fn ids_that_are_used_up_go_on_below_zero_where_nothing_depends_on_them() {
    let scene = Scene::new().await;
    for table in ["orders", "order_items"] {
        let damage = format!("select setval('{table}_id_seq', 2147483647)");
        let remedy = format!("alter sequence {table}_id_seq minvalue -2147483648");
        the_advice_helps(&scene, &damage, &remedy).await;
    }
    assert_eq!(
        scene
            .count(
                "orders join order_items on order_id = orders.id where orders.id < 0 and order_items.id < 0"
            )
            .await,
        6
    );
}

#[tokio::test]
async fn ids_of_the_log_grow_on() {
    let scene = Scene::new().await;
    let damage = "select setval('order_status_log_id_seq', 2147483647)";
    the_advice_helps(&scene, damage, "alter table order_status_log alter column id type bigint").await;
    assert_eq!(scene.count("order_status_log where id > 2147483647").await, 3);
}

#[tokio::test]
async fn a_counter_that_is_behind_the_days_orders_is_brought_up_to_them() {
    let scene = Scene::at_noon().await;
    let last = scene.place_many(5).await[4];
    let damage = "update order_counters set last_number = 1";
    the_advice_helps(&scene, damage, "update order_counters set last_number = ").await;
    let highest = "select max(number) from orders";
    assert_eq!(scene.value(highest).await, "ORD_20261120_008", "{last:?}");
}

#[tokio::test]
async fn a_worker_that_cannot_be_written_down_is_told_what_helps() {
    let scene = Scene::new().await;
    scene.register(&anna()).await;
    let general = Specialisation::General;
    let register = async || register(&scene.db, &mario(), &general, Duration::from_secs(30), false).await;
    for (damage, remedy) in [
        ("select setval('workers_id_seq', 1, false)", "select setval("),
        ("select setval('workers_id_seq', 2147483647)", "alter sequence workers_id_seq minvalue"),
    ] {
        scene.execute(damage).await;
        let advised = advised(&register().await.unwrap_err());
        assert!(advised.starts_with(remedy), "{advised}");
        scene.execute(&advised).await;
        register().await.unwrap();
        scene.execute("delete from worker_sessions; delete from workers where name = 'chef_mario'").await;
    }
}

#[tokio::test]
async fn an_announcement_that_cannot_be_written_down_is_told_what_helps() {
    let scene = Scene::new().await;
    let orders = scene.place_many(2).await;
    scene.granted(&anna(), &orders[0]).await;
    scene.execute("select setval(pg_get_serial_sequence('status_outbox', 'id'), 1, false)").await;
    let claimed = claim(&scene.db, &anna(), LEASE, &[wish(&orders[1])], LockMode::Wait).await;
    let advised = advised(&claimed.unwrap_err());
    assert_eq!(scene.life(&orders[1]).await, json!(["received"]), "nothing of it was done");
    scene.execute(&advised).await;
    scene.granted(&anna(), &orders[1]).await;
}

#[tokio::test]
async fn how_the_sequences_stand_is_seen_before_anybody_is_refused() {
    let scene = Scene::at_noon().await;
    scene.place_many(3).await;
    let behind = async || {
        let found = sequences::inspect(&scene.db).await.unwrap();
        let behind = found.iter().filter(|sequence| sequence.is_behind());
        behind.map(|sequence| (sequence.table, sequence.catch_up())).collect::<Vec<_>>()
    };
    assert_eq!(behind().await, []);
    scene.execute("select setval('order_items_id_seq', 1)").await;
    let [(table, catch_up)] = <[_; 1]>::try_from(behind().await).unwrap();
    assert_eq!(table, "order_items");
    scene.execute(&catch_up).await;
    assert_eq!(behind().await, []);
    scene.execute("select setval('orders_id_seq', 1073741824)").await;
    let found = sequences::inspect(&scene.db).await.unwrap();
    let orders = found.iter().find(|sequence| sequence.table == "orders").unwrap();
    assert!((0.49..0.51).contains(&orders.used), "{orders:?}");
    scene.execute(&orders.extend()).await;
    assert_eq!(scene.place().await.number.sequence(), 4);
    assert_eq!(scene.value("select min(id) from orders").await, -2_147_483_648_i64);
}
