//! Ids that are taken, or used up: the order is refused in clean words, its neighbours are not, and
//! the log says what helps.

use testkit::database::Database;
use testkit::orders::takeout;
use testkit::{Service, Stage, eventually};

use crate::{placing, post};

/// The SQL that the log advised for the order of this request, which was refused.
async fn advised(service: &Service, request_id: &str) -> String {
    let refusal = |line: &serde_json::Value| {
        line["request_id"] == request_id && line["message"] == "The order could not be stored"
    };
    let line = service.log_where("the refusal", refusal).await;
    let stack = line["error"]["stack"].as_str().unwrap().to_owned();
    let (_, advice) = stack.split_once("as the tables' owner run: ").unwrap_or_else(|| panic!("{stack}"));
    // It stands in brackets.
    let mut depth = 1;
    let end = advice.find(|letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        depth == 0
    });
    advice[..end.unwrap()].to_owned()
}

/// Places an order that is refused; returns the id of the request.
async fn refused(service: &Service) -> String {
    let answer = post(service, "/orders", &[], &takeout().to_string()).await;
    assert_eq!(answer.status, 500, "{answer:?}");
    answer.header("x-request-id").to_owned()
}

async fn stored(database: &Database) -> i64 {
    database.value("select count(*) from orders").await.as_i64().unwrap()
}

#[tokio::test]
async fn what_refuses_orders_for_want_of_ids_is_named_with_its_remedy() {
    let stage = Stage::new().await.at_noon().await;
    let service = stage.order_service().start().await;
    let database = stage.database().await;
    for _ in 0..3 {
        service.place(&takeout()).await;
    }
    for (damage, remedy) in [
        (
            "select setval('orders_id_seq', 1, false)",
            "select setval(pg_get_serial_sequence('orders', 'id'), greatest(",
        ),
        (
            "insert into order_identities (identity, order_id)
                select gen_random_uuid(), last_value + 1 from orders_id_seq",
            "select setval(pg_get_serial_sequence('orders', 'id'), greatest(",
        ),
        (
            "select setval('order_items_id_seq', 2147483647)",
            "alter sequence order_items_id_seq minvalue -2147483648 restart with -2147483648",
        ),
        (
            "select setval('order_status_log_id_seq', 2147483647)",
            "alter table order_status_log alter column id type bigint; alter sequence order_status_log_id_seq as bigint",
        ),
        (
            "select setval('orders_id_seq', 2147483647)",
            "alter sequence orders_id_seq minvalue -2147483648 restart with -2147483648",
        ),
        ("update order_counters set last_number = 1", "update order_counters set last_number = "),
    ] {
        let before = stored(&database).await;
        database.execute(damage).await;
        let request_id = refused(&service).await;
        assert_eq!(stored(&database).await, before, "{damage}");
        let advice = advised(&service, &request_id).await;
        assert!(advice.starts_with(remedy), "{damage}: {advice}");
        database.execute(&advice).await;
        service.place(&takeout()).await;
    }
}

#[tokio::test]
async fn ids_that_have_begun_anew_below_zero_stay_there() {
    let stage = Stage::new().await.at_noon().await;
    let service = stage.order_service().start().await;
    let database = stage.database().await;
    for (table, id) in [("orders", "orders.id"), ("order_items", "max(order_items.id)")] {
        // The last ids that there are, of an order with two lines.
        database.execute(&format!("select setval('{table}_id_seq', 2147483645)")).await;
        service.place(&takeout()).await;
        if table == "orders" {
            service.place(&takeout()).await;
        }
        let advice = advised(&service, &refused(&service).await).await;
        database.execute(&advice).await;
        service.place(&takeout()).await;
        database.execute(&format!("select setval('{table}_id_seq', -2147483648, false)")).await;
        let advice = advised(&service, &refused(&service).await).await;
        assert!(advice.starts_with("select setval("), "{advice}");
        database.execute(&advice).await;
        service.place(&takeout()).await;
        let newest = format!(
            "select {id} < -2147483640 as is_below from orders join order_items on order_id = orders.id
             group by orders.id order by orders.number desc limit 1"
        );
        assert_eq!(database.value(&newest).await, true, "{table}");
    }
}

#[tokio::test]
async fn an_id_that_is_taken_refuses_one_order_and_not_those_beside_it() {
    let stage = Stage::new().await.at_noon().await;
    let service = stage.order_service().start().await;
    let database = stage.database().await;
    for _ in 0..2 {
        service.place(&takeout()).await;
    }
    database.execute("select setval('orders_id_seq', 1, false)").await;
    let holder = stage.database().await;
    holder.execute("begin; select 1 from order_counters for update").await;
    let first = placing(&service, &[]);
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    eventually("a transaction that waits", async || (database.value(waiting).await == 1).then_some(())).await;
    // These share the next transaction.
    let others: Vec<_> = (0..5).map(|_| placing(&service, &[])).collect();
    service.logs("order_received", 8).await;
    holder.execute("commit").await;
    assert_eq!(first.await.unwrap().status, 500);
    for other in others {
        let answer = other.await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(stored(&database).await, 7);
    let numbers = "select count(distinct number) from orders where number <= 'ORD_20261120_007'";
    assert_eq!(database.value(numbers).await, 7, "no number was lost");
}
