//! Queues that refuse messages because of a policy.

use serde_json::json;
use testkit::{Broker, Launch};

use crate::restaurant::Restaurant;

const POLICY: &str = "full";

/// From now on every matching queue refuses messages with `basic.nack`.
pub async fn refuse(broker: &Broker, pattern: &str) {
    let full = json!({"max-length": 0, "overflow": "reject-publish"});
    broker.set_policy(POLICY, pattern, full).await;
}

/// Removes the policy. The broker has dead-lettered the messages that waited when it was set. They
/// are replayed, as an operator would do.
pub async fn accept_again(broker: &Broker, restaurant: &Restaurant) {
    broker.clear_policy(POLICY).await;
    let replay = Launch::new("restaurant-ctl", restaurant.stage.environment());
    let replay = replay.arg("dlq").arg("replay").arg("--reason=maxlen in queue");
    let ended = replay.run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
