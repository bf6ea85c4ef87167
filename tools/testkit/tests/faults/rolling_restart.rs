//! Every service is restarted in turn, under load, and no client notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::load::Response;
use crate::restaurant::{COOKS, Restaurant};
use crate::scale::either;
use crate::verdict::{closes, holds, recovers};

#[tokio::test]
async fn rolling_restart() {
    let mut restaurant = Restaurant::open().await;
    let mut tracking = vec![
        restaurant.stage.tracking_service().start().await,
        restaurant.stage.tracking_service().start().await,
    ];
    for service in &tracking {
        service.until_status("/readyz", 200).await;
    }
    let load = restaurant.load();
    for _ in 0..either(2, 10) {
        for place in 0..restaurant.order_services.len() {
            load.accepts(10).await;
            let status = restaurant.order_services[place].stop().await;
            assert_eq!(status, Some(0), "order service {place}");
            restaurant.replace_order_service(place).await;
        }
        for place in 0..COOKS.len() {
            load.accepts(10).await;
            assert_eq!(restaurant.cooks[place].stop().await, Some(0), "cook {place}");
            restaurant.replace_cook(place).await;
        }
        for place in 0..tracking.len() {
            let other = tracking[1 - place].port();
            let (done, asking) = ask(other, vec!["/workers/status".to_owned()]);
            assert_eq!(tracking[place].stop().await, Some(0), "tracking service {place}");
            tracking[place] = restaurant.stage.tracking_service().start().await;
            tracking[place].until_status("/readyz", 200).await;
            done.store(true, Ordering::Relaxed);
            assert!(asking.await.unwrap() > 0, "no request in the meantime");
        }
        let mut second = restaurant.subscriber().start().await;
        assert_eq!(second.stop().await, Some(0), "second subscriber");
    }
    let recovery = recovers(&load).await;
    let unhappy: Vec<_> = load
        .attempts()
        .into_iter()
        .filter(|attempt| !matches!(attempt.response, Response::Accepted(_)))
        .collect();
    holds("rolling restart of every service", &mut restaurant, load, recovery).await;
    assert!(unhappy.is_empty(), "failed requests: {unhappy:?}");
    closes(restaurant).await;
}

/// The key of the staff that asks.
pub const STAFF_KEY: &str = "a-key-of-the-staff-for-tests";

/// Asks a tracking service for these paths in turn, as staff. Every response must be correct.
pub fn ask(port: u16, paths: Vec<String>) -> (Arc<AtomicBool>, tokio::task::JoinHandle<usize>) {
    let done = Arc::<AtomicBool>::default();
    let stop = Arc::clone(&done);
    let asking = tokio::spawn(async move {
        let key = format!("Bearer {STAFF_KEY}");
        let mut answers = 0;
        while !stop.load(Ordering::Relaxed) {
            let path = &paths[answers % paths.len()];
            let answer = testkit::http::send(port, "GET", path, &[("Authorization", &key)], b"").await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            answers += 1;
        }
        answers
    });
    (done, asking)
}
