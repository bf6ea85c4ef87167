//! "Database Transaction": everything of an order, or nothing.

use serde_json::json;
use testkit::orders::{delivery, dine_in, takeout, with};
use testkit::{Stage, eventually, http};

use crate::in_work::HeldCounter;
use crate::refusal::problem;

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

#[tokio::test]
async fn the_rows_of_an_order() {
    let stage = Stage::new().await;
    stage.database().await.set_clock("2024-12-16 10:30:00+00").await;
    let service = stage.order_service().start().await;
    for order in [takeout(), dine_in(), delivery()] {
        service.place(&order).await;
    }
    let database = stage.database().await;
    let orders = database
        .rows("select id, number, customer_name, type, table_number, delivery_address, total_amount::text, priority,
                      status, processed_by, completed_at, created_at = updated_at and created_at = test_clock.now() as now
               from orders order by id")
        .await;
    let order = |id: i32, name: &str, order_type: &str, total: &str| {
        json!({
            "id": id, "number": format!("ORD_20241216_{id:03}"), "customer_name": name, "type": order_type,
            "table_number": null, "delivery_address": null, "total_amount": total, "priority": 1,
            "status": "received", "processed_by": null, "completed_at": null, "now": true
        })
    };
    assert_eq!(
        orders,
        [
            order(1, "Jane Doe", "takeout", "24.98"),
            with(order(2, "Jane Smith", "dine_in", "29.99"), "/table_number", json!(12)),
            with(
                order(3, "Bob Johnson", "delivery", "37.98"),
                "/delivery_address",
                json!("123 Main Street, Apt 4B")
            ),
        ]
    );
    let items =
        database.rows("select order_id, name, quantity, price::text from order_items order by id").await;
    assert_eq!(
        items,
        [
            json!({"order_id": 1, "name": "Margherita Pizza", "quantity": 1, "price": "15.99"}),
            json!({"order_id": 1, "name": "Caesar Salad", "quantity": 1, "price": "8.99"}),
            json!({"order_id": 2, "name": "Steak", "quantity": 1, "price": "29.99"}),
            json!({"order_id": 3, "name": "Burger Combo", "quantity": 2, "price": "18.99"}),
        ]
    );
    let log = database
        .rows(
            "select order_id, status, changed_by, notes, changed_at = test_clock.now() as now
               from order_status_log order by id",
        )
        .await;
    let received = |id: i32| json!({"order_id": id, "status": "received", "changed_by": "order-service", "notes": null, "now": true});
    assert_eq!(log, [received(1), received(2), received(3)]);
}

#[tokio::test]
async fn items_keep_their_order_also_when_many_orders_share_a_transaction() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let held = HeldCounter::of(&stage).await;
    let port = service.port();
    let clients: Vec<_> = (0..12)
        .map(|client| {
            let items: Vec<_> = (1..=5)
                .map(
                    |line| json!({"name": format!("{client}/{line}"), "quantity": line, "price": client + 1}),
                )
                .collect();
            let body = with(takeout(), "/items", json!(items)).to_string();
            tokio::spawn(async move { http::send(port, "POST", "/orders", JSON, body.as_bytes()).await })
        })
        .collect();
    service.logs("order_received", 12).await;
    held.release().await;
    let stored = "select string_agg(split_part(i.name, '/', 2), '' order by i.id) as lines,
                         count(distinct split_part(i.name, '/', 1)) as clients, o.total_amount::int as total,
                         (array_agg(split_part(i.name, '/', 1)))[1]::int as client
                  from orders o join order_items i on i.order_id = o.id where o.number = ";
    let database = stage.database().await;
    for client in clients {
        let answer = client.await.unwrap();
        let body = answer.json();
        let number = body["order_number"].as_str().unwrap();
        let rows = database.rows(&format!("{stored}'{number}' group by o.id")).await;
        assert_eq!((&rows[0]["lines"], &rows[0]["clients"]), (&json!("12345"), &json!(1)));
        assert_eq!(rows[0]["total"], 15 * (rows[0]["client"].as_i64().unwrap() + 1));
        assert_eq!(
            answer.body.split_once("total_amount\":").unwrap().1,
            format!("{}.00}}", rows[0]["total"])
        );
    }
}

#[tokio::test]
async fn an_order_of_which_one_row_fails_leaves_nothing_and_takes_no_number() {
    let stage = Stage::new().await.at_noon().await;
    let service = stage.order_service().start().await;
    let database = stage.database().await;
    let before = service.place(&takeout()).await;
    eventually("an empty outbox", async || {
        (database.value("select count(*) from order_outbox").await == 0).then_some(())
    })
    .await;
    for table in ["order_items", "order_status_log", "order_outbox"] {
        database
            .execute(&format!(
                "create or replace function refuse() returns trigger language plpgsql as
                     $$ begin raise exception 'secret disk'; end $$;
                 create trigger refuse before insert on {table} for each row execute function refuse()"
            ))
            .await;
        let answer = service.post("/orders", &takeout().to_string()).await;
        problem(&answer, 500);
        assert!(!answer.body.contains("secret") && !answer.body.contains("SQL"), "{answer:?}");
        database.execute(&format!("drop trigger refuse on {table}")).await;
    }
    let counts = "select (select count(*) from orders) as orders, (select count(*) from order_items) as items,
                         (select count(*) from order_status_log) as log, (select count(*) from order_outbox) as outbox";
    assert_eq!(database.rows(counts).await, [json!({"orders": 1, "items": 2, "log": 1, "outbox": 0})]);
    assert_eq!(stage.broker().await.ready("kitchen_takeout_queue").await, 1);
    assert_eq!(
        (before[13..].to_owned(), service.place(&takeout()).await[13..].to_owned()),
        ("001".into(), "002".into())
    );
}

#[tokio::test]
async fn an_order_that_the_database_refuses_does_not_harm_its_neighbours() {
    let stage = Stage::new().await.at_noon().await;
    let service = stage.order_service().start().await;
    let database = stage.database().await;
    database
        .execute(
            "create function refuse() returns trigger language plpgsql as $$ begin
                 if exists (select 1 from orders where id = new.order_id and customer_name = 'Poison') then
                     raise exception 'no';
                 end if;
                 return new;
             end $$;
             create constraint trigger refuse after insert on order_status_log deferrable initially deferred
                 for each row execute function refuse()",
        )
        .await;
    let held = HeldCounter::of(&stage).await;
    let port = service.port();
    let mut clients = Vec::new();
    for client in 0..10 {
        let poison = client % 3 == 1;
        let name = if poison { "Poison" } else { "Jane Doe" };
        let body = with(takeout(), "/customer_name", json!(name)).to_string();
        clients.push((
            poison,
            tokio::spawn(async move { http::send(port, "POST", "/orders", JSON, body.as_bytes()).await }),
        ));
        // The first one is in its transaction before the others come: they share the next.
        if client == 0 {
            held.is_awaited().await;
        }
    }
    service.logs("order_received", 10).await;
    held.release().await;
    for (poison, client) in clients {
        assert_eq!(client.await.unwrap().status, if poison { 500 } else { 200 });
    }
    let stored = "select count(*) as count, max(right(number, 3)) as last,
                         bool_or(customer_name = 'Poison') as poison from orders";
    assert_eq!(database.rows(stored).await, [json!({"count": 7, "last": "007", "poison": false})]);
    assert_eq!(service.logs("db_transaction_failed", 3).await.len(), 3);
    assert_eq!(stage.broker().await.ready("kitchen_takeout_queue").await, 7);
}
