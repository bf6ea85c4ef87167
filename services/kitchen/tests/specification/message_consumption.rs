//! "Message Consumption", and priorities.

use testkit::{Stage, eventually, orders};

use crate::observe::{KITCHEN_QUEUES, Tap, order, until, until_waiting, waiting};

#[tokio::test]
async fn an_order_that_was_placed_before_any_worker_ran_is_cooked() {
    let stage = Stage::new().await;
    let number = stage.order_service().start().await.place(&orders::takeout()).await;
    let _service = stage.kitchen_worker("chef_anna").start().await;
    until(&stage.database().await, &number, "ready").await;
}

#[tokio::test]
async fn a_general_worker_also_cooks_what_no_typed_queue_takes() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let tap = Tap::on_takeout_orders(&stage).await;
    let number = orders.place(&orders::takeout()).await;
    let mut message = tap.next().await;
    let broker = stage.broker().await;
    broker.purge("kitchen_takeout_queue").await;
    message.routing_key = "kitchen.anything.1".to_owned();
    tap.repeat(&message).await;
    until_waiting(&broker, 1).await;
    assert_eq!(broker.ready("kitchen_queue").await, 1);
    let _service = stage.kitchen_worker("chef_anna").start().await;
    until(&stage.database().await, &number, "ready").await;
}

#[tokio::test]
async fn a_worker_holds_no_more_than_its_prefetch_over_all_queues_together() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    for order in [orders::dine_in(), orders::takeout(), orders::delivery()].iter().cycle().take(12) {
        orders.place(order).await;
    }
    let broker = stage.broker().await;
    let hungry = stage.kitchen_worker("chef_hungry").cooking_seconds(60.0);
    let _service = hungry.arg("--prefetch=5").start().await;
    until_waiting(&broker, 7).await;
    for _ in 0..200 {
        assert_eq!(waiting(&broker).await, 7, "the worker takes and returns orders while it is full");
    }
    // Orders that it does not hold are free for others. By default, a worker holds one.
    let _second = stage.kitchen_worker("chef_second").cooking_seconds(60.0).start().await;
    until_waiting(&broker, 6).await;
    let _third = stage.kitchen_worker("chef_third").cooking_seconds(60.0).start().await;
    until_waiting(&broker, 5).await;
}

#[tokio::test]
async fn no_order_waits_in_a_busy_worker_while_another_is_idle() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let broker = stage.broker().await;
    let names = ["chef_1", "chef_2", "chef_3"];
    let mut workers = Vec::new();
    for name in names {
        workers.push(stage.kitchen_worker(name).cooking_seconds(60.0).start().await);
    }
    let mut cooks = Vec::new();
    for order_placed in [orders::takeout(), orders::takeout(), orders::dine_in()] {
        let number = orders.place(&order_placed).await;
        until(&database, &number, "cooking").await;
        cooks.push(order(&database, &number).await["processed_by"].as_str().unwrap().to_owned());
    }
    cooks.sort();
    assert_eq!(cooks, names);
    orders.place(&orders::takeout()).await;
    until_waiting(&broker, 1).await;
}

/// The worker has a consumer on each queue, and each may get an order before the worker has taken
/// the first.
#[tokio::test]
async fn an_idle_worker_keeps_one_of_the_orders_that_arrive_in_several_queues_at_once() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let broker = stage.broker().await;
    let cook = |name: &str| stage.kitchen_worker(name).cooking_seconds(60.0);
    let _anna = cook("chef_anna").start().await;
    let orders = [orders::takeout(), orders::dine_in(), orders::delivery()];
    let [takeout, dine_in, delivery] = orders.each_ref().map(|order| service.place(order));
    tokio::join!(takeout, dine_in, delivery);
    until_waiting(&broker, 2).await;
    for _ in 0..200 {
        assert_eq!(waiting(&broker).await, 2, "the worker takes and returns orders while it is full");
    }
    let _mario = cook("chef_mario").start().await;
    until_waiting(&broker, 1).await;
}

#[tokio::test]
async fn orders_are_cooked_by_priority_over_all_queues_then_by_age() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    let priced = |order: serde_json::Value, price: f64| {
        orders::with(
            order,
            "/items",
            serde_json::json!([
                {"name": "Feast", "quantity": 1, "price": price}
            ]),
        )
    };
    let mut numbers = Vec::new();
    for (order, price) in [
        (orders::dine_in(), 20.0),
        (orders::takeout(), 20.0),
        (orders::takeout(), 60.0),
        (orders::delivery(), 150.0),
        (orders::dine_in(), 70.0),
        (orders::takeout(), 200.0),
        (orders::delivery(), 30.0),
        (orders::takeout(), 300.0),
        (orders::dine_in(), 500.0),
    ] {
        numbers.push(orders.place(&priced(order, price)).await);
    }
    let service = stage.kitchen_worker("chef_anna").start().await;
    let started = service.logs("order_processing_started", numbers.len()).await;
    let priorities: Vec<i64> =
        started.iter().map(|line| line["details"]["priority"].as_i64().unwrap()).collect();
    assert_eq!(priorities, [10, 10, 10, 10, 5, 5, 1, 1, 1]);
    // Within a queue, the older of two equally urgent orders comes first.
    let place =
        |number: &str| started.iter().position(|line| line["details"]["order_number"] == number).unwrap();
    assert!(place(&numbers[5]) < place(&numbers[7]));
    for number in &numbers {
        until(&database, number, "ready").await;
    }
}

#[tokio::test]
async fn no_order_type_starves_another() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let place_dine_in = async || {
        for _ in 0..8 {
            orders.place(&orders::dine_in()).await;
        }
    };
    place_dine_in().await;
    for order in [orders::takeout(), orders::delivery()] {
        orders.place(&order).await;
    }
    place_dine_in().await;
    let service = stage.kitchen_worker("chef_anna").start().await;
    let started = service.logs("order_processing_started", 18).await;
    let place = |kind: &str| started.iter().position(|line| line["details"]["order_type"] == kind).unwrap();
    assert!(place("takeout") < 16 && place("delivery") < 16, "{} {}", place("takeout"), place("delivery"));
}

#[tokio::test]
async fn a_worker_cooks_one_order_at_a_time_or_as_many_as_concurrency_says() {
    let stage = Stage::new().await;
    let (orders, database) = (stage.order_service().start().await, stage.database().await);
    for order in
        [orders::takeout(), orders::dine_in(), orders::takeout(), orders::takeout(), orders::delivery()]
    {
        orders.place(&order).await;
    }
    let cooking = "select count(*) from orders where status = 'cooking'";
    let slow = |name| stage.kitchen_worker(name).cooking_seconds(60.0);
    let one = slow("chef_one").arg("--prefetch=2").start().await;
    one.log("order_processing_started").await;
    let _three = slow("chef_three").arg("--prefetch=3").arg("--concurrency=3").start().await;
    eventually("four orders to cook", async || (database.value(cooking).await == 4).then_some(())).await;
    one.logs("heartbeat_sent", one.logged("heartbeat_sent").len() + 2).await;
    assert_eq!(database.value(cooking).await, 4);
}

#[tokio::test]
async fn the_kitchens_queues_are_durable_and_know_priorities() {
    let stage = Stage::new().await;
    let _service = stage.kitchen_worker("chef_anna").start().await;
    let broker = stage.broker().await;
    for queue in KITCHEN_QUEUES {
        let described = eventually("the management API to know it", async || {
            let described = broker.queue(queue).await;
            described["arguments"].is_object().then_some(described)
        })
        .await;
        assert_eq!(described["durable"], true, "{described}");
        assert_eq!(described["arguments"]["x-max-priority"], 10, "{described}");
    }
}
