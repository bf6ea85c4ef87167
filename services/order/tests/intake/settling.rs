//! However the work on a message ends, it keeps no place in the prefetch. Here there is one place.

use serde_json::json;
use testkit::{Launch, eventually};

use crate::counter::{Counter, ID, plain, wanted, wanted_as, with_message_id};

fn one_at_a_time(launch: Launch) -> Launch {
    launch.arg("--max-concurrent=1")
}

#[tokio::test]
async fn a_message_whose_task_panics_comes_again_and_is_carried_out_once() {
    for step in ["intake.read", "intake.decided"] {
        let panics = |launch| one_at_a_time(launch).env("FAILPOINT", format!("{step}=panic"));
        let counter = Counter::open_with(panics).await;
        counter.send(plain(), &wanted_as(ID)).await;
        let panic = counter.service.log("panic").await;
        assert!(panic["error"]["msg"].as_str().unwrap().contains(step), "{panic}");
        counter.send(plain(), &wanted()).await;
        for _ in 0..2 {
            assert_eq!(counter.outcome().await["status"], "CONFIRMED", "{step}");
        }
        counter.until_all_are_taken().await;
        assert_eq!([counter.count("orders").await, counter.count("order_requests").await], [2, 2], "{step}");
        assert_eq!(counter.service.logged("panic").len(), 1, "{step}");
    }
}

#[tokio::test]
async fn what_cannot_become_a_dead_letter_waits_behind_what_can_be_read() {
    let counter = Counter::open_with(one_at_a_time).await;
    let full = json!({"max-length": 0, "overflow": "reject-publish"});
    counter.broker.set_policy("full", "^kitchen_dlq$", full).await;
    eventually("the policy", async || {
        (counter.broker.queue("kitchen_dlq").await["policy"] == "full").then_some(())
    })
    .await;
    for _ in 0..3 {
        counter.broker.publish("", "validated_orders", with_message_id("garbage"), "not json").await;
    }
    let failed = counter.service.log("rabbitmq_publish_failed").await;
    assert!(failed["error"]["msg"].as_str().unwrap().contains("rejected"), "{failed}");
    counter.send(plain(), &wanted_as(ID)).await;
    assert_eq!(counter.outcome().await["status"], "CONFIRMED");
    assert_eq!(counter.broker.messages(&["kitchen_dlq"]).await, 0);

    // None is lost.
    counter.broker.clear_policy("full").await;
    for _ in 0..3 {
        let letter = counter.broker.take("kitchen_dlq").await;
        assert_eq!(letter.body, "not json");
        assert_eq!(letter.properties.message_id().unwrap(), "garbage");
        assert!(letter.header("x-reason").contains("is not a JSON object"), "{letter:?}");
    }
    counter.until_all_are_taken().await;
}
