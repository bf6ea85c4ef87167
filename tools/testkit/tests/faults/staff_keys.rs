//! The staff gets another key, one service after the other, while somebody is signed in.

use serde_json::json;
use testkit::http::{Answer, send};
use testkit::{EventStream, Launch, Service, Stage};

use crate::restaurant::Restaurant;
use crate::verdict::{holds_to_the_end, recovers};

const OLD: &str = "the-key-of-yesterday-evening";
const NEW: &str = "the-key-of-this-morning";
const COOK: &str = "chef_rosa";
/// A page of the same host says where it is from.
const OURS: (&str, &str) = ("Origin", "http://localhost");
const MARK: (&str, &str) = ("X-Requested-With", "restaurant");

/// The pages of a service for the staff, and what only the staff can do there.
struct StaffPages {
    name: &'static str,
    port: u16,
    reads: &'static [&'static str],
    changes: &'static [(&'static str, &'static str)],
}

impl StaffPages {
    fn of_orders(service: &Service) -> Self {
        let (reads, changes) = (&["/staff", "/staff/dead-letters"], &[("DELETE", "/intake/pause")]);
        Self { name: "order service", port: service.port(), reads, changes }
    }

    fn of_tracking(service: &Service) -> Self {
        let reads = &["/kitchen", "/kitchen/tickets", "/orders", "/staff/figures"];
        Self { name: "tracking service", port: service.port(), reads, changes: &[] }
    }

    fn of_manual_cook(service: &Service) -> Self {
        // There is no such order: for the staff it is a 404.
        let (reads, changes) = (&["/", "/tickets"], &[("POST", "/tickets/ORD_20200101_001/start")]);
        Self { name: "manual worker", port: service.port(), reads, changes }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        send(self.port, method, path, headers, b"").await
    }

    /// Whether whoever shows this cookie is staff. All that is the staff's must agree.
    async fn open_for(&self, cookie: &str) -> bool {
        let cookie = ("Cookie", cookie);
        let session = self.send("GET", "/staff/session", &[cookie]).await.json();
        let is_open = session["signed_in"].as_bool().unwrap();
        for path in self.reads {
            let answer = self.send("GET", path, &[cookie]).await;
            let expected = if is_open { 200 } else { 401 };
            assert_eq!(answer.status, expected, "{}: GET {path}: {answer:?}", self.name);
        }
        for (method, path) in self.changes {
            let answer = self.send(method, path, &[cookie, OURS, MARK]).await;
            let is_refused = answer.status == 401;
            assert!(
                is_refused != is_open && answer.status != 403,
                "{}: {method} {path}: {answer:?}",
                self.name
            );
        }
        is_open
    }

    /// The cookie of somebody who signs in here.
    async fn sign_in(&self, key: &str) -> String {
        let body = json!({ "key": key }).to_string();
        let headers = [("Content-Type", "application/json"), OURS];
        let answer = send(self.port, "POST", "/staff/session", &headers, body.as_bytes()).await;
        assert_eq!(answer.status, 200, "{}: {answer:?}", self.name);
        answer.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}

fn tracking_service(restaurant: &Restaurant, key: &str) -> Launch {
    restaurant.stage.tracking_service().env("ORDER_STAFF_KEY", key).ready_when_probed()
}

fn manual_cook(restaurant: &Restaurant, key: &str) -> Launch {
    let worker = restaurant.stage.kitchen_worker(COOK).arg("--manual").arg("--port=0").arg("--prefetch=2");
    worker.env("ORDER_STAFF_KEY", key).ready_when_probed()
}

/// All services with pages of the staff, in the sequence in which they learn the new key.
fn all_pages(restaurant: &Restaurant, tracking: &Service, rosa: &Service) -> [StaffPages; 4] {
    let [one, other] = [0, 1].map(|place| StaffPages::of_orders(&restaurant.order_services[place]));
    [one, other, StaffPages::of_tracking(tracking), StaffPages::of_manual_cook(rosa)]
}

/// Each service refuses the old cookie as soon as it knows the new key, and takes it until then.
#[tokio::test]
async fn a_cookie_of_an_old_key_opens_nothing_once_a_service_knows_the_new_one() {
    let environment = vec![("ORDER_STAFF_KEY", OLD.to_owned())];
    let mut restaurant = Restaurant::open_on(async || (Stage::new().await, environment)).await;
    let mut tracking = tracking_service(&restaurant, OLD).start().await;
    let mut rosa = manual_cook(&restaurant, OLD).start().await;
    let load = restaurant.load();
    load.accepts(5).await;
    let all = all_pages(&restaurant, &tracking, &rosa);
    let old = all[2].sign_in(OLD).await;
    for pages in &all {
        assert!(pages.open_for(&old).await, "{}", pages.name);
    }
    let mut stream = EventStream::open(tracking.port(), "/events", &[("Cookie", &old)]).await;
    let position = stream.position().await;

    for place in 0..4 {
        match place {
            0 | 1 => {
                assert_eq!(restaurant.order_services[place].stop().await, Some(0));
                let renewed = restaurant.order_service().env("ORDER_STAFF_KEY", NEW);
                restaurant.seat_order_service(place, &renewed).await;
            }
            2 => {
                assert_eq!(tracking.stop().await, Some(0));
                tracking = tracking_service(&restaurant, NEW).start().await;
            }
            _ => {
                assert_eq!(rosa.stop().await, Some(0));
                rosa = manual_cook(&restaurant, NEW).start().await;
            }
        }
        load.accepts(5).await;
        let all = all_pages(&restaurant, &tracking, &rosa);
        let new = all[place].sign_in(NEW).await;
        for (other, pages) in all.iter().enumerate() {
            let knows_new = other <= place;
            assert_eq!(pages.open_for(&old).await, !knows_new, "old key: {}", pages.name);
            assert_eq!(pages.open_for(&new).await, knows_new, "new key: {}", pages.name);
        }
    }

    // What was open has ended, and does not go on.
    while stream.block().await.is_some() {}
    let back = [("Cookie", old.as_str()), ("Last-Event-ID", position.as_str())];
    let refused = EventStream::try_open(tracking.port(), "/events", &back, None).await.unwrap();
    assert!(refused.head.starts_with("HTTP/1.1 401"), "{}", refused.head);

    assert_eq!(rosa.stop().await, Some(0));
    assert_eq!(tracking.stop().await, Some(0));
    let recovery = recovers(&load).await;
    holds_to_the_end("a new staff key, one service after the other", restaurant, load, recovery).await;
}
