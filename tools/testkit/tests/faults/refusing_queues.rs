//! Queues that refuse what is published: a policy lets nothing in.

use serde_json::json;
use testkit::{Broker, Launch};

use crate::restaurant::Restaurant;

const POLICY: &str = "full";

/// Every queue whose name fits the pattern refuses with `basic.nack` from now on.
pub async fn refuse(broker: &Broker, pattern: &str) {
    let full = json!({"max-length": 0, "overflow": "reject-publish"});
    broker.set_policy(POLICY, pattern, full).await;
}

/// They take messages again. What waited in them when the policy came is a dead letter: the broker
/// made it one at once. It goes back as an operator would send it.
pub async fn accept_again(broker: &Broker, restaurant: &Restaurant) {
    broker.clear_policy(POLICY).await;
    let replay = Launch::new("restaurant-ctl", restaurant.stage.environment());
    let replay = replay.arg("dlq").arg("replay").arg("--reason=maxlen in queue");
    let ended = replay.run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
