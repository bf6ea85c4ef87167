//! `idempotency`: repeated requests.

use db::idempotency::{KnownRequest, find, is_key_taken, prune};
use db::outbox::settle_orders;
use domain::{Fingerprint, IdempotencyKey, IdempotentRequest};
use serde_json::json;

use crate::scene::{Scene, place_under, takeout};

fn request(key: &str) -> IdempotentRequest {
    IdempotentRequest {
        key: IdempotencyKey::parse(key.as_bytes()).unwrap(),
        fingerprint: Fingerprint::of(b"a body"),
    }
}

#[tokio::test]
async fn a_key_leads_to_its_order_and_says_whether_its_answer_is_decided() {
    let scene = Scene::new().await;
    let request = request("a-key");
    let placed = place_under(&scene.db, &request).await.unwrap();
    let known = KnownRequest {
        fingerprint: request.fingerprint.as_bytes().to_vec(),
        identity: Some(placed.identity),
        number: placed.number,
        total_amount: takeout().total_amount,
        undecided: true,
    };
    assert_eq!(find(&scene.db, &request.key).await.unwrap(), Some(known.clone()));
    settle_orders(&scene.db, &[placed.identity]).await.unwrap();
    let decided = KnownRequest { undecided: false, ..known };
    assert_eq!(find(&scene.db, &request.key).await.unwrap(), Some(decided));
}

#[tokio::test]
async fn a_message_that_is_sent_once_more_leaves_the_answer_decided() {
    let scene = Scene::new().await;
    let request = request("a-key");
    place_under(&scene.db, &request).await.unwrap();
    scene.execute("update order_outbox set purpose = 'again'").await;
    assert!(!find(&scene.db, &request.key).await.unwrap().unwrap().undecided);
}

#[tokio::test]
async fn a_key_that_was_never_used_leads_nowhere() {
    let scene = Scene::new().await;
    place_under(&scene.db, &request("a-key")).await.unwrap();
    for other in ["a-key-2", "a-ke", "A-key"] {
        assert_eq!(find(&scene.db, &request(other).key).await.unwrap(), None, "{other}");
    }
}

#[tokio::test]
async fn an_order_of_a_version_without_identities_is_found_without() {
    let scene = Scene::new().await;
    let request = request("a-key");
    place_under(&scene.db, &request).await.unwrap();
    scene.execute("delete from order_identities").await;
    assert_eq!(find(&scene.db, &request.key).await.unwrap().unwrap().identity, None);
}

#[tokio::test]
async fn a_key_that_is_taken_refuses_the_order_and_leaves_nothing_of_it() {
    let scene = Scene::at_noon().await;
    let request = request("a-key");
    let first = place_under(&scene.db, &request).await.unwrap();
    let why = place_under(&scene.db, &request).await.unwrap_err();
    assert!(is_key_taken(&why) && !why.is_in_doubt(), "{why:?}");
    assert_eq!(scene.count("orders").await, 1);
    assert_eq!(scene.place().await.number.sequence(), first.number.sequence() + 1);
}

#[tokio::test]
async fn of_two_requests_with_one_key_at_once_one_is_stored() {
    let scene = Scene::new().await;
    let request = request("a-key");
    let (one, other) = tokio::join!(place_under(&scene.db, &request), place_under(&scene.db, &request));
    let (placed, why) = match (one, other) {
        (Ok(placed), Err(why)) | (Err(why), Ok(placed)) => (placed, why),
        both => panic!("{both:?}"),
    };
    assert!(is_key_taken(&why), "{why:?}");
    assert_eq!(find(&scene.db, &request.key).await.unwrap().unwrap().number, placed.number);
    assert_eq!(scene.count("orders").await, 1);
}

#[tokio::test]
async fn keys_are_forgotten_after_a_day_the_oldest_first_and_so_many_in_one_go() {
    let scene = Scene::new().await;
    for (key, age) in
        [("new", "1 minute"), ("day", "23 hours 59 minutes"), ("old", "25 hours"), ("older", "2 days")]
    {
        place_under(&scene.db, &request(key)).await.unwrap();
        scene
            .execute(&format!(
                "update idempotency_keys set created_at = now() - interval '{age}' where key = '{key}'"
            ))
            .await;
    }
    let left = "select array_agg(key order by key) as keys from idempotency_keys";
    assert_eq!(prune(&scene.db, 1).await.unwrap(), 1);
    assert_eq!(scene.value(left).await, json!(["day", "new", "old"]));
    assert_eq!(prune(&scene.db, 10).await.unwrap(), 1);
    assert_eq!(scene.value(left).await, json!(["day", "new"]));
    assert_eq!(scene.count("orders").await, 4, "the orders stay");
}

#[tokio::test]
async fn a_key_that_somebody_else_forgets_at_the_moment_is_not_waited_for() {
    let scene = Scene::new().await;
    for key in ["one", "other"] {
        place_under(&scene.db, &request(key)).await.unwrap();
    }
    scene.execute("update idempotency_keys set created_at = now() - interval '2 days'").await;
    let holder = scene.holding("select from idempotency_keys where key = 'one' for update").await;
    assert_eq!(prune(&scene.db, 10).await.unwrap(), 1);
    holder.execute("commit").await;
    assert_eq!(scene.rows("select key from idempotency_keys").await, [json!({"key": "one"})]);
}
