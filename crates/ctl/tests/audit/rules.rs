//! Each rule about stored data, broken by SQL.

use testkit::{Stage, eventually};

use crate::scene::{Served, audit, cooking, until_at_rest};

async fn breaks(sql: &str, check: &str, count: u64, example: &str) {
    Served::new().await.breaks(sql, check, count, example).await;
}

#[tokio::test]
async fn a_gap_in_the_numbers() {
    let sql = "update orders set number = replace(number, '_001', '_007') where id = $N";
    breaks(
        sql,
        "order_numbers",
        1,
        "$DAY: 3 orders, the highest is number 7, the counter says 3; missing: 001, 004, 005, 006",
    )
    .await;
}

#[tokio::test]
async fn a_counter_that_is_ahead() {
    let sql = "update order_counters set last_number = 4";
    breaks(
        sql,
        "order_numbers",
        1,
        "$DAY: 3 orders, the highest is number 3, the counter says 4; missing: 004",
    )
    .await;
}

#[tokio::test]
async fn a_number_in_another_spelling() {
    let served = Served::new().await;
    served.database.execute("update orders set number = replace(number, '_003', '_0003')").await;
    let said = audit(&served.stage, &[]).await;
    assert_eq!(said.findings(), ["order_numbers fail"]);
    assert_eq!(said.check("order_numbers")["count"], 2);
    assert!(said.document.to_string().contains("_0003 is not an order number"), "{}", said.document);
}

#[tokio::test]
async fn a_history_without_one_of_its_steps() {
    let sql = "delete from order_status_log where order_id = $N and status = 'cooking'";
    breaks(sql, "status_log", 1, "$N: its log says received → ready").await;
}

#[tokio::test]
async fn an_order_that_was_cooked_twice() {
    let sql = "update order_status_log set id = id + 100000 where order_id = $N and status = 'ready';
        insert into order_status_log (order_id, status, changed_by) values ($N, 'cooking', 'chef_ghost');
        select setval('order_status_log_id_seq', (select max(id) from order_status_log))";
    breaks(sql, "status_once", 1, "$N: was 2 times cooking: received → cooking → cooking → ready").await;
}

#[tokio::test]
async fn a_status_that_the_log_does_not_know() {
    let sql = "update orders set status = 'completed' where id = $N";
    breaks(sql, "current_status", 1, "$N: is completed, its log ends with ready").await;
}

#[tokio::test]
async fn a_ready_order_without_its_time() {
    let sql = "update orders set completed_at = null where id = $N";
    breaks(sql, "completed_at", 1, "$N: is ready without completed_at").await;
}

#[tokio::test]
async fn an_order_without_items() {
    breaks("delete from order_items where order_id = $N", "items", 1, "$N has 0 items").await;
}

#[tokio::test]
async fn a_total_that_leaves_out_an_adjustment() {
    let sql = "insert into order_adjustments (order_id, place, kind, rule, label, base, amount)
        values ($N, 1, 'fee', 'delivery', 'Delivery', 24.98, 3.50)";
    let example = "$N: total_amount is 24.98, its items make 24.98, its adjustments 3.50";
    breaks(sql, "total_amount", 1, example).await;
}

/// A message asked for the first order.
const REQUESTED: &str = "
    insert into order_requests (order_id, fingerprint, request_id, status, placed_as, order_number, total_amount,
                                created_at, updated_at)
    select '019ab6ce-5d80-7c3e-8f12-3456789abcde', '', 'r', 'CONFIRMED', id, number, total_amount, now(), now()
    from orders where id = $N;";

#[tokio::test]
async fn a_request_that_does_not_agree_with_its_order() {
    const ID: &str = "019ab6ce-5d80-7c3e-8f12-3456789abcde";
    for (sql, example) in [
        ("status = 'PROCESSING'", "is PROCESSING, and the message of $N has left the outbox"),
        ("placed_as = null", "is CONFIRMED, and there is no order"),
        ("total_amount = 1", "says order $N of 1.00, which is $N of 24.98"),
        ("status = 'FAILED', code = 'c', reason = 'r'", "is FAILED, and $N is ready"),
    ] {
        let sql = format!("{REQUESTED} update order_requests set {sql}");
        breaks(&sql, "requests", 1, &format!("{ID}: {example}")).await;
    }
}

/// An item with 5 pieces, of which the first order took 2.
const SOLD: &str = "
    insert into menu_items (id, name, category, price) values ('tea', 'Tea', 'Drinks', 2);
    insert into inventory_items (item_id, \"left\") values ('tea', 3);
    insert into inventory_movements (item_id, order_id, delta, left_after, quantity, reason, changed_by)
    values ('tea', null, 5, 5, 5, 'set', 'staff'), ('tea', $N, -2, 3, 2, 'order', 'order-service');";

#[tokio::test]
async fn a_stock_that_is_not_the_sum_of_its_movements() {
    let sql = "update inventory_items set \"left\" = 4";
    breaks(&format!("{SOLD}{sql}"), "stock", 1, "tea: 4 left, its movements make 3").await;
}

#[tokio::test]
async fn a_stock_that_vanished_without_a_movement() {
    let sql = "delete from inventory_items";
    breaks(&format!("{SOLD}{sql}"), "stock", 1, "tea: unlimited, its movements make 3").await;
}

#[tokio::test]
async fn an_order_that_gave_back_what_it_has_eaten() {
    let sql =
        "insert into inventory_movements (item_id, order_id, delta, left_after, quantity, reason, changed_by)
        values ('tea', $N, 2, 5, 2, 'cancel', 'guest');
        update inventory_items set \"left\" = 5";
    breaks(&format!("{SOLD}{sql}"), "stock", 1, "$N: is ready, and 2 tea of it are back or wasted").await;
}

#[tokio::test]
async fn an_order_that_was_cancelled_and_gave_nothing_back() {
    let sql = "update orders set status = 'cancelled' where id = $N;
        insert into order_status_log (order_id, status, changed_by) values ($N, 'cancelled', 'chef_ghost')";
    let example = "$N: is cancelled, and 2 tea of it are neither back nor wasted";
    breaks(&format!("{SOLD}{sql}"), "stock", 1, example).await;
}

#[tokio::test]
async fn a_total_that_is_not_the_sum() {
    let sql = "update orders set total_amount = 24.99 where id = $N";
    breaks(sql, "total_amount", 1, "$N: total_amount is 24.99, its items make 24.98").await;
}

#[tokio::test]
async fn a_priority_that_the_total_does_not_justify() {
    breaks(
        "update orders set priority = 5 where id = $N",
        "priority",
        1,
        "$N: priority is 5 at a total of 24.98",
    )
    .await;
}

#[tokio::test]
async fn an_order_that_was_escalated_to_the_highest_priority_is_correct() {
    let served = Served::new().await;
    served.database.execute("update orders set priority = 10").await;
    audit(&served.stage, &[]).await.assert_well();
}

#[tokio::test]
async fn the_limits_of_the_priorities_are_those_of_the_order_service() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    orders.declared_all().await;
    for total in ["49.99", "50", "100", "100.01"] {
        orders.place(&testkit::orders::takeout_of(total)).await;
    }
    assert_eq!(audit(&stage, &[]).await.findings(), ["attention warn"]);
}

#[tokio::test]
async fn an_order_whose_worker_is_gone() {
    let stage = Stage::new().await;
    let (number, mut worker) = cooking(&stage).await;
    audit(&stage, &[]).await.assert_well();
    worker.kill().await;
    let broker = stage.broker().await;
    // The broker has requeued its message for another worker.
    eventually("the message to be back", async || {
        (broker.ready("kitchen_takeout_queue").await == 1).then_some(())
    })
    .await;
    let database = stage.database().await;
    let lapse = "update workers set status = 'offline';
        update order_claims set lease_until = now() - interval '10 minutes'";
    database.execute(lapse).await;
    let said = audit(&stage, &[]).await;
    assert_eq!(said.findings(), ["cooking_is_claimed fail", "attention warn"]);
    let example = said.check("cooking_is_claimed")["examples"][0].as_str().unwrap().to_owned();
    assert!(example.starts_with(&format!("{number}: the lease of chef_anna ended 60")), "{example}");
    database.execute("delete from order_claims").await;
    let example = audit(&stage, &[]).await.check("cooking_is_claimed")["examples"][0].clone();
    assert_eq!(example, format!("{number}: nobody has claimed it"));
}

#[tokio::test]
async fn a_claim_of_an_order_that_is_not_cooking() {
    let sql = "insert into order_claims (order_id, worker, token, attempt, lease_until, estimated_completion)
        values ($N, 'chef_ghost', 1, 1, now() + interval '1 hour', now())";
    breaks(sql, "claimed_is_cooking", 1, "$N is ready and claimed by chef_ghost").await;
}

#[tokio::test]
async fn an_order_that_was_not_published_in_time() {
    let served = Served::new().await;
    let write = |age: &str| {
        format!(
            "insert into order_outbox (order_id, request_id, due_at) values ($N, 'r', now() - interval '{age}')"
        )
    };
    let sql = write("30 seconds").replace("$N", "(select min(id) from orders)");
    served.database.execute(&sql).await;
    audit(&served.stage, &[]).await.assert_well();
    served.database.execute("delete from order_outbox").await;
    let sql = write("10 minutes");
    served.database.execute(&sql.replace("$N", "(select min(id) from orders)")).await;
    let said = audit(&served.stage, &[]).await;
    assert_eq!(said.findings(), ["outbox fail"]);
    let example = said.check("outbox")["examples"][0].as_str().unwrap().to_owned();
    let expected = format!("{}: its message to the kitchen is due since ", served.numbers[0]);
    assert!(example.starts_with(&expected), "{example}");
}

#[tokio::test]
async fn a_status_update_that_was_not_published_in_time() {
    let served = Served::new().await;
    let sql = "insert into status_outbox
            (request_id, due_at, order_number, old_status, new_status, changed_by, changed_at)
        values ('r', now() - interval '10 minutes', 'ORD_20261121_001', 'cooking', 'ready', 'chef', now())";
    served.database.execute(sql).await;
    let said = audit(&served.stage, &[]).await;
    assert_eq!(said.findings(), ["outbox fail"]);
    let example = said.check("outbox")["examples"][0].as_str().unwrap().to_owned();
    assert!(example.starts_with("ORD_20261121_001: the news that it is ready is due since "), "{example}");
}

#[tokio::test]
async fn a_message_that_was_refused_again_and_again() {
    let sql = "insert into order_outbox (order_id, request_id, due_at, attempts)
        values ($N, 'r', now() + interval '1 minute', 6)";
    breaks(sql, "outbox", 1, "$N: its message to the kitchen was refused 6 times; the relay goes on trying")
        .await;
}

#[tokio::test]
async fn an_event_of_a_request_that_was_refused_again_and_again() {
    let sql = "insert into order_requests (order_id, fingerprint, request_id, status, code, reason, created_at, updated_at)
            values ('019ab6ce-5d80-7c3e-8f12-3456789abcde', '', 'r', 'FAILED', 'c', 'No.', now(), now());
        insert into request_outbox (order_id, stream, status, changed_at, due_at, attempts)
            values ('019ab6ce-5d80-7c3e-8f12-3456789abcde', 'outcome', 'FAILED', now(), now() + interval '1 minute', 6)";
    let example = "019ab6ce-5d80-7c3e-8f12-3456789abcde: the event that it is FAILED was refused 6 times; the relay goes on trying";
    breaks(sql, "outbox", 1, example).await;
}

#[tokio::test]
async fn an_order_that_was_never_stored_has_no_message() {
    let served = Served::new().await;
    let barred = "insert into order_outbox (order_id, request_id, due_at)
        values (1000000, 'outcome-unknown', now() - interval '1 hour')";
    served.database.execute(barred).await;
    audit(&served.stage, &["--settled"]).await.assert_well();
}

#[tokio::test]
async fn completed_and_cancelled_orders_are_correct() {
    let served = Served::new().await;
    let ends = "
        update orders set status = 'cancelled' where number like '%_001';
        update orders set status = 'completed' where number like '%_002';
        insert into order_status_log (order_id, status) select id, status from orders where number not like '%_003'";
    served.database.execute(ends).await;
    audit(&served.stage, &["--settled"]).await.assert_well();
}

#[tokio::test]
async fn a_worker_that_counted_one_too_many() {
    let sql = "update workers set orders_processed = 4";
    breaks(
        sql,
        "orders_processed",
        1,
        "chef_mario: orders_processed is 4, the log has 3 orders made ready by it",
    )
    .await;
}

#[tokio::test]
async fn a_worker_that_counted_one_too_few() {
    let sql = "update workers set orders_processed = 2";
    breaks(
        sql,
        "orders_processed",
        1,
        "chef_mario: orders_processed is 2, the log has 3 orders made ready by it",
    )
    .await;
}

#[tokio::test]
async fn a_worker_that_was_deleted_and_came_again_counts_from_then_on() {
    let served = Served::new().await;
    let again = "delete from worker_sessions; delete from workers";
    served.database.execute(again).await;
    let mut worker = served.stage.kitchen_worker("chef_mario").start().await;
    audit(&served.stage, &[]).await.assert_well();
    assert_eq!(worker.stop().await, Some(0));
}

#[tokio::test]
async fn a_silent_worker_that_is_marked_online() {
    let served = Served::new().await;
    served
        .database
        .execute("update workers set status = 'online', last_seen = now() - interval '1 hour'")
        .await;
    let said = audit(&served.stage, &[]).await;
    assert_eq!(said.findings(), ["workers_alive fail"]);
    let example = said.check("workers_alive")["examples"][0].as_str().unwrap().to_owned();
    assert!(example.starts_with("chef_mario was last seen 360"), "{example}");
}

/// PostgreSQL cannot subtract `infinity` from a timestamp: the audit must find, not fail.
#[tokio::test]
async fn moments_that_somebody_set_to_infinity_hide_nothing() {
    let served = Served::new().await;
    let sql = "insert into order_outbox (order_id, request_id, due_at)
            select min(id), 'r', '-infinity' from orders;
        insert into order_claims (order_id, worker, token, attempt, lease_until, estimated_completion)
            select min(id), 'chef_ghost', 1, 1, '-infinity', now() from orders;
        update orders set status = 'cooking' where id = (select min(id) from orders);
        update workers set status = 'online', last_seen = '-infinity'";
    served.database.execute(sql).await;
    let said = audit(&served.stage, &[]).await;
    for (check, example) in [
        ("outbox", "is due since Infinity s"),
        ("cooking_is_claimed", "the lease of chef_ghost ended Infinity s ago"),
        ("workers_alive", "chef_mario was last seen Infinity s ago"),
    ] {
        let examples = said.check(check)["examples"].to_string();
        assert!(examples.contains(example), "{check}: {examples}");
    }
}

#[tokio::test]
async fn a_scope_excludes_older_orders() {
    let served = Served::new().await;
    let long_ago = "update orders set created_at = created_at - interval '3 hours', total_amount = 1 where number like '%_001'";
    served.database.execute(long_ago).await;
    assert_eq!(audit(&served.stage, &[]).await.findings(), ["total_amount fail"]);
    let said = audit(&served.stage, &["--since=1h"]).await;
    said.assert_well();
    assert_eq!(said.document["orders"], 2);
    let tomorrow = served.database.value("select ((now() at time zone 'utc')::date + 1)::text").await;
    let said = audit(&served.stage, &[&format!("--since={}", tomorrow.as_str().unwrap())]).await;
    said.assert_well();
    assert_eq!(said.document["orders"], 0);
    assert_eq!(audit(&served.stage, &["--since=2020-01-01"]).await.findings(), ["total_amount fail"]);
}

#[tokio::test]
async fn many_are_counted_and_ten_are_shown() {
    let served = Served::new().await;
    let copies = "
        insert into orders (number, customer_name, type, total_amount, priority, status)
            select 'ORD_20200101_' || lpad(n::text, 3, '0'), 'Ada', 'takeout', 5, 1, 'cancelled' from generate_series(1, 12) n;
        insert into order_counters values ('2020-01-01', 12);
        insert into order_identities (identity, order_id)
            select gen_random_uuid(), id from orders where number like 'ORD_2020%';
        insert into order_status_log (order_id, status) select id, unnest(array['received', 'cancelled']) from orders
            where number like 'ORD_2020%'";
    served.database.execute(copies).await;
    let said = audit(&served.stage, &[]).await;
    assert_eq!(said.findings(), ["items fail"], "{}", said.document);
    let items = said.check("items");
    assert_eq!((&items["count"], items["examples"].as_array().unwrap().len()), (&12.into(), 10));
}

#[tokio::test]
async fn a_scope_is_the_same_however_the_database_writes_its_times() {
    let served = Served::new().await;
    let name = &served.stage.name;
    served
        .database
        .execute(&format!(
            "alter database {name} set datestyle = 'SQL, DMY'; alter database {name} set timezone = 'Asia/Shanghai';
             alter database {name} set intervalstyle = 'sql_standard';
             alter database {name} set extra_float_digits = -15;
             alter database {name} set standard_conforming_strings = off;
             update orders set total_amount = 1 where id = (select min(id) from orders)"
        ))
        .await;
    let today = served.database.value("select ((now() at time zone 'utc')::date)::text").await;
    let today = format!("--since={}", today.as_str().unwrap());
    for since in ["--since=1h", &today] {
        let said = audit(&served.stage, &[since]).await;
        assert_eq!(said.document["orders"], 3, "{since}: {}", said.document);
        assert_eq!(said.findings(), ["total_amount fail"], "{since}: {}", said.document);
    }
    // The services run with these settings as well.
    let orders = served.stage.order_service().start().await;
    let _worker = served.stage.kitchen_worker("chef_anna").start().await;
    orders.place(&testkit::orders::takeout()).await;
    until_at_rest(&served.database).await;
}

#[tokio::test]
async fn an_order_without_an_identity() {
    let sql = "delete from order_identities where order_id = $N";
    breaks(sql, "identities", 1, "$N has no identity").await;
}

#[tokio::test]
async fn an_identity_of_an_order_that_is_gone() {
    let sql = "insert into order_identities (identity, order_id)
                   values ('019acea0-4000-7fff-bfff-ffffffffffff', 1000000)";
    let example =
        "019acea0-4000-7fff-bfff-ffffffffffff is the identity of order row 1000000, which is not there";
    breaks(sql, "identities", 1, example).await;
}

#[tokio::test]
async fn a_sequence_that_is_behind_its_table() {
    let sql = "select setval('orders_id_seq', 1)";
    breaks(sql, "sequences", 1, "orders: the highest id is 3, the sequence gave 1 last").await;
}

#[tokio::test]
async fn sequences_are_reported_once_half_of_them_is_used() {
    let served = Served::new().await;
    for (sequence, last, outcome) in [
        ("order_items_id_seq", 1_073_741_822_i64, None),
        ("order_items_id_seq", 1_073_741_825, Some("sequences warn")),
        ("workers_id_seq", 2_147_483_000, Some("sequences fail")),
    ] {
        served.database.execute(&format!("select setval('{sequence}', {last})")).await;
        let said = audit(&served.stage, &[]).await;
        assert_eq!(said.findings(), Vec::from_iter(outcome), "{sequence} {last}: {}", said.document);
    }
    // The advice works.
    let to_do = audit(&served.stage, &[]).await.check("sequences")["to_do"].as_str().unwrap().to_owned();
    let (_, extend) = to_do.split_once("for each: ").unwrap();
    served.database.execute(extend).await;
    served.database.execute("alter table order_items alter column id type bigint").await;
    served.database.execute("alter sequence order_items_id_seq as bigint").await;
    audit(&served.stage, &[]).await.assert_well();
    let orders = served.stage.order_service().start().await;
    let _worker = served.stage.kitchen_worker("chef_anna").start().await;
    orders.place(&testkit::orders::takeout()).await;
    until_at_rest(&served.database).await;
    audit(&served.stage, &[]).await.assert_well();
}
