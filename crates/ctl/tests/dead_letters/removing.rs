//! `dlq replay` and `drop`: which messages they remove, and which they keep.

use amqprs::{BasicProperties, FieldTable, FieldValue};
use serde_json::{Value, json};
use testkit::{Stage, eventually, orders};

use crate::scene::{DEAD_LETTERS, ORIGIN, Scene, numbered, order_body, properties_from, with_headers};

#[tokio::test]
async fn a_rejected_order_is_replayed_and_cooked_once_even_if_replayed_twice() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let broker = stage.broker().await;
    let number = service.place(&orders::takeout()).await;
    broker.reject("kitchen_takeout_queue").await;
    let scene = Scene { stage, broker };

    let listed = eventually("the dead letter", async || scene.list(&[]).await.pop()).await;
    assert_eq!(listed["reason"], "rejected in queue kitchen_takeout_queue");
    assert_eq!(listed["origin"]["exchange"], "orders_topic");
    assert_eq!(listed["origin"]["routing_key"], "kitchen.takeout.1");
    assert_eq!(listed["order_number"], *number);
    assert!(listed["age_seconds"].as_u64().unwrap() < 60);
    let exported: Value = serde_json::from_str(&scene.succeed(&["export"]).await).unwrap();

    let said = scene.succeed(&["replay", "--order", &number]).await;
    assert!(said.contains(&format!("{number}  to orders_topic kitchen.takeout.1")), "{said}");
    assert!(said.contains("1 replayed, 0 left"), "{said}");
    let replayed = scene.broker.take("kitchen_takeout_queue").await;
    assert_eq!(replayed.body, exported["body"].as_str().unwrap());
    assert_eq!(replayed.properties.delivery_mode(), Some(2));
    assert_eq!(replayed.properties.priority(), Some(1));
    assert_eq!(
        replayed.properties.message_id().unwrap(),
        exported["properties"]["message_id"].as_str().unwrap()
    );
    // The header identifies the order for its cook. The dead letter's own headers are gone.
    let headers = replayed.properties.headers().unwrap().as_ref();
    assert_eq!(headers.len(), 1, "{headers:?}");
    assert_eq!(replayed.header("x-order-identity"), exported["headers"]["x-order-identity"]);

    // The same order twice: it is cooked once.
    for _ in 0..2 {
        scene.put(properties_from("again", "orders_topic", "kitchen.takeout.1"), &replayed.body).await;
    }
    scene.succeed(&["replay", "--all"]).await;
    let kitchen = scene.stage.kitchen_worker("chef_anna").start().await;
    kitchen.log("order_completed").await;
    eventually("an empty queue", async || {
        (scene.broker.queue("kitchen_takeout_queue").await["messages"] == 0).then_some(())
    })
    .await;
    assert_eq!(kitchen.logged("order_completed").len(), 1);
    assert!(scene.list(&[]).await.is_empty());
}

#[tokio::test]
async fn json_output_has_every_message_and_the_counts() {
    let scene = Scene::with_letters([order_body("ORD_20260101_001"), "second".to_owned()]).await;
    scene.put(BasicProperties::default(), "of nowhere").await;
    let [first, second, nowhere] = &scene.ids().await[..] else { panic!("three letters") };

    let ended = scene.run(&["replay", "--json", "--all"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let printed: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let origin = json!({"exchange": "", "routing_key": ORIGIN});
    let replayed = |id: &str, number: Option<&str>| json!({"id": id, "outcome": "replayed", "order_number": number, "origin": origin});
    assert_eq!(printed[0], replayed(first, Some("ORD_20260101_001")));
    assert_eq!(printed[1], replayed(second, None));
    assert_eq!((&printed[2]["id"], &printed[2]["outcome"]), (&json!(nowhere), &json!("not_replayed")));
    assert!(printed[2]["error"].is_string() && printed[2]["advice"].is_string(), "{}", printed[2]);
    assert_eq!(printed[3..], [json!({"replayed": 2, "not_replayed": 1, "left": 1, "not_found": []})]);

    let dropped = scene.succeed(&["drop", "--json", "--yes", nowhere]).await;
    let printed: Vec<Value> = dropped.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let letter = json!({"id": nowhere, "outcome": "dropped", "order_number": null, "origin": null});
    assert_eq!(printed, [letter, json!({"dropped": 1, "not_dropped": 0, "left": 0, "not_found": []})]);
}

#[tokio::test]
async fn replay_takes_only_the_named_messages() {
    let scene = Scene::with_letters(numbered(5)).await;
    let ids = scene.ids().await;
    scene.succeed(&["replay", &ids[3], &ids[1]]).await;
    assert_eq!(scene.empty(ORIGIN).await, ["message 00001", "message 00003"]);
    // A removed message is not found, and no other message is taken in its place.
    let ended = scene.run(&["replay", &ids[1], &ids[2]]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(&format!("no dead letter has the id {}", ids[1])), "{ended:?}");
    assert_eq!(scene.empty(ORIGIN).await, ["message 00002"]);
    scene.succeed(&["replay", "--reason=spoilt", "--limit=1"]).await;
    assert_eq!(scene.empty(ORIGIN).await, ["message 00000"]);
    assert_eq!(scene.empty(DEAD_LETTERS).await, ["message 00004"]);
}

#[tokio::test]
async fn of_identical_messages_only_the_named_one_is_taken() {
    let scene = Scene::with_letters(["same", "other", "same", "same"].map(str::to_owned)).await;
    let ids = scene.ids().await;
    assert_eq!(ids[3], format!("{}-3", ids[0]));
    scene.succeed(&["drop", "--yes", &ids[2]]).await;
    assert_eq!(scene.ids().await, [&*ids[0], &*ids[1], &*ids[2]]);
    assert_eq!(scene.empty(DEAD_LETTERS).await, ["same", "other", "same"]);
}

#[tokio::test]
async fn an_unreplayable_message_stays_with_a_reason_and_does_not_stop_the_others() {
    let scene = Scene::new().await;
    let long = "k".repeat(300);
    let unreplayable = [
        (BasicProperties::default(), "it does not say where it came from"),
        (properties_from("?", "", &long), "it does not say where it came from"),
        (properties_from("?", "", DEAD_LETTERS), "it does not say where it came from"),
        (
            with_headers(&[("x-death", FieldValue::A(Vec::new().try_into().unwrap()))]),
            "it does not say where",
        ),
        (with_headers(&[("x-original-exchange", FieldValue::l(7))]), "it does not say where it came from"),
        (properties_from("?", "no_such_exchange", "k"), "no exchange 'no_such_exchange'"),
        (properties_from("?", "no_such_exchange", "k2"), "no exchange 'no_such_exchange'"),
        (properties_from("?", "", "no_such_queue"), "with the key 'no_such_queue' (NO_ROUTE)"),
        (properties_from("?", "amq.topic", "unbound"), "no queue takes messages of exchange 'amq.topic'"),
    ];
    for (number, (properties, _)) in unreplayable.iter().enumerate() {
        scene.put(properties.clone(), format!("unreplayable {number}")).await;
        scene.put(properties_from("?", "", ORIGIN), format!("good {number}")).await;
    }
    let ids = scene.ids().await;
    let ended = scene.run(&["replay", "--all"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for (id, (_, why)) in ids.iter().step_by(2).zip(&unreplayable) {
        let said = ended
            .stderr
            .lines()
            .any(|line| line.contains(&format!("not replayed: {id}: ")) && line.contains(why));
        assert!(said, "{id} {why}: {ended:?}");
    }
    assert!(
        ended.stderr.contains("9 replayed, 9 left among the dead letters; 9 could not be replayed"),
        "{ended:?}"
    );
    assert_eq!(scene.empty(ORIGIN).await, (0..9).map(|number| format!("good {number}")).collect::<Vec<_>>());
    assert_eq!(
        scene.empty(DEAD_LETTERS).await,
        (0..9).map(|number| format!("unreplayable {number}")).collect::<Vec<_>>()
    );
}

/// Only confirmed messages are removed.
#[tokio::test]
async fn rejected_messages_stay() {
    let scene = Scene::new().await;
    let mut full_after_two = FieldTable::new();
    full_after_two.insert("x-max-length".try_into().unwrap(), FieldValue::l(2));
    full_after_two.insert("x-overflow".try_into().unwrap(), "reject-publish".into());
    scene.broker.declare("small", full_after_two).await;
    for body in numbered(300) {
        scene.put(properties_from("?", "", "small"), body).await;
    }
    let ended = scene.run(&["replay", "--all"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("RabbitMQ rejected it (basic.nack)"), "{ended:?}");
    let replayed = scene.empty("small").await;
    let left = scene.empty(DEAD_LETTERS).await;
    assert!(!replayed.is_empty() && left.len() >= 200, "{} and {}", replayed.len(), left.len());
    assert_eq!([replayed, left].concat(), numbered(300).collect::<Vec<_>>());
}

#[tokio::test]
async fn drop_asks_and_removes_only_the_named_messages() {
    let scene = Scene::with_letters(numbered(4)).await;
    let ids = scene.ids().await;
    let ended = scene.run(&["drop", "--all"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("say --yes"), "{ended:?}");
    assert_eq!(scene.ids().await, ids);
    let said = scene.succeed(&["drop", &ids[2], "--yes"]).await;
    assert!(said.contains(&format!("dropped {}", ids[2])) && said.contains("1 dropped, 3 left"), "{said}");
    assert_eq!(scene.ids().await, [&*ids[0], &*ids[1], &*ids[3]]);
    scene.succeed(&["drop", "--all", "--yes"]).await;
    assert_eq!(scene.succeed(&["list"]).await, "There are no dead letters.");
    assert_eq!(scene.broker.ready(ORIGIN).await, 0);
}
