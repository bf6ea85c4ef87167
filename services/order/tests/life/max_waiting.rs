//! `intake.max_waiting`: only so many orders of a type wait for a cook.

use serde_json::json;
use testkit::orders::{delivery, takeout};
use testkit::{Launch, Service, Stage, eventually};

use crate::post;

fn with_room_for(stage: &Stage, most: u32) -> Launch {
    stage.order_service().env("INTAKE_MAX_WAITING", most.to_string())
}

async fn statuses(services: &[&Service], count: usize) -> Vec<u16> {
    let body = takeout().to_string();
    let orders = services.iter().cycle().take(count).map(|service| {
        let body = body.clone();
        async move { post(service, "/orders", &[], &body).await.status }
    });
    futures_util::future::join_all(orders).await
}

#[tokio::test]
async fn the_next_one_is_refused_until_one_is_cooked() {
    let stage = Stage::new().await;
    let service = with_room_for(&stage, 3).start().await;
    for _ in 0..3 {
        assert_eq!(post(&service, "/orders", &[], &takeout().to_string()).await.status, 200);
    }
    let refused = post(&service, "/orders", &[], &takeout().to_string()).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "300"), "nobody cooks: {refused:?}");
    let problem = refused.json();
    assert_eq!(problem["code"], "too_many_waiting");
    assert!(
        problem["detail"].as_str().unwrap().starts_with("3 orders of the type takeout wait"),
        "{problem}"
    );
    assert_eq!(post(&service, "/orders", &[], &delivery().to_string()).await.status, 200, "another type");
    let shown = eventually("the count to be shown", async || {
        let shown = service.get("/intake").await.json();
        (shown["waiting"]["delivery"] == 1).then_some(shown)
    })
    .await;
    assert_eq!(shown["waiting"], json!({"dine_in": 0, "takeout": 3, "delivery": 1}));
    assert_eq!((&shown["max_waiting"], &shown["accepting"]), (&json!(3), &json!(true)));

    let _worker = stage.kitchen_worker("chef").start().await;
    eventually("room", async || {
        (post(&service, "/orders", &[], &takeout().to_string()).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn many_at_once_are_counted_one_by_one() {
    let stage = Stage::new().await;
    let service = with_room_for(&stage, 7).start().await;
    let answers = statuses(&[&service], 40).await;
    let of = |status| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((of(200), of(503)), (7, 33), "{answers:?}");
    // A cancelled order leaves its place.
    let database = stage.database().await;
    database.execute("update orders set status = 'cancelled' where id = (select min(id) from orders)").await;
    let answers = statuses(&[&service], 10).await;
    assert_eq!(answers.iter().filter(|answer| **answer == 200).count(), 1, "{answers:?}");
}

/// A service does not see what another one is about to store: each further service exceeds the
/// limit once, by the limit at most.
#[tokio::test]
async fn two_services_under_load_keep_the_limit_but_for_what_both_store_at_once() {
    let stage = Stage::new().await;
    let (one, other) = (with_room_for(&stage, 5).start().await, with_room_for(&stage, 5).start().await);
    let database = stage.database().await;
    let mut accepted = 0;
    for _ in 0..5 {
        let answers = statuses(&[&one, &other], 40).await;
        assert!(answers.iter().all(|status| [200, 503].contains(status)), "{answers:?}");
        accepted += answers.iter().filter(|status| **status == 200).count();
    }
    assert!((5..=10).contains(&accepted), "{accepted}");
    assert_eq!(database.value("select count(*) from orders").await, accepted);
}
