//! Streams of changes while the tracking service and PostgreSQL end and come back: no client loses
//! a change, and none gets one twice.

use testkit::database::Database;
use testkit::{Launch, PortClaim, Service};

use crate::followers::Follower;
use crate::load::{Load, Response};
use crate::menu::STAFF_KEY;
use crate::restaurant::{COOKS, Restaurant};
use crate::scale::either;
use crate::verdict::{closes, holds, recovers};

/// Orders are open for a while, so that changes come while streams are away.
const COOKING_SECONDS: f64 = 0.6;
/// Orders that are followed from before each fault on.
const TRACKERS: usize = 4;

/// What ends, and comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    TrackingStops,
    TrackingIsKilled,
    PostgresStops,
    PostgresIsKilled,
}

const FAULTS: [Fault; 4] =
    [Fault::TrackingStops, Fault::TrackingIsKilled, Fault::PostgresStops, Fault::PostgresIsKilled];

/// A tracking service. While it is away, no other test's service gets its port, and its clients.
struct Tracking {
    launch: Launch,
    service: Service,
    claim: PortClaim,
}

impl Tracking {
    async fn start(restaurant: &Restaurant) -> Self {
        let claim = PortClaim::of(0).unwrap();
        let launch = restaurant
            .stage
            .tracking_service()
            .arg(format!("--port={}", claim.port()))
            .env("ORDER_STAFF_KEY", STAFF_KEY)
            .ready_when_probed();
        let service = launch.start().await;
        Self { launch, service, claim }
    }

    async fn start_again(&mut self) {
        self.service = self.launch.start().await;
    }
}

#[tokio::test]
async fn streams_lose_nothing_over_restarts_and_bring_nothing_twice() {
    let mut restaurant = Restaurant::open_with_own_servers().await;
    for (place, name) in COOKS.iter().enumerate() {
        assert_eq!(restaurant.cooks[place].stop().await, Some(0));
        let cook = restaurant.cook(name).cooking_seconds(COOKING_SECONDS);
        restaurant.cooks[place] = cook.start().await;
    }
    let mut tracking = Tracking::start(&restaurant).await;
    // No order was placed yet: they see all rows of the log.
    let displays =
        [Follower::of_all(tracking.claim.port()).await, Follower::of_all(tracking.claim.port()).await];
    let load = restaurant.load();
    let mut trackers = Vec::new();
    let mut recovery = None;
    for fault in FAULTS.repeat(either(1, 3)) {
        for number in accepted(&load, TRACKERS).await {
            let tracker = Follower::of_order(tracking.claim.port(), &number).await;
            trackers.push((number, tracker));
        }
        strike(fault, &mut restaurant, &mut tracking, &load).await;
        recovery = Some(recovers(&load).await);
    }
    holds("streams over restarts", &mut restaurant, load, recovery.unwrap()).await;

    let database = restaurant.stage.database().await;
    let all = ids(&database, "select id from order_status_log order by id").await;
    let restarts = FAULTS.len() / 2 * either(1, 3);
    for display in displays {
        let mut seen = display.settled("all orders", all.len()).await;
        // A row whose transaction took long comes late.
        seen.ids.sort_unstable();
        assert_eq!(seen.ids, all, "{:?}", seen.returns);
        assert!(seen.returns.len() >= restarts, "it came back {:?}", seen.returns);
    }
    let mut went_on = 0;
    for (number, tracker) in trackers {
        let of_order = format!(
            "select log.id from order_status_log as log join orders on orders.id = order_id
             where number = '{number}' order by log.id"
        );
        let wanted = ids(&database, &of_order).await;
        let seen = tracker.settled(&number, wanted.len()).await;
        assert_eq!(seen.ids, wanted, "{number}: {:?}", seen.returns);
        went_on += usize::from(seen.returns.iter().any(|rows| (1..wanted.len()).contains(rows)));
    }
    assert!(went_on > 0, "no tracker came back in the middle of its order");
    assert_eq!(tracking.service.stop().await, Some(0));
    closes(restaurant).await;
}

/// Ends something while orders are placed, and starts it again.
async fn strike(fault: Fault, restaurant: &mut Restaurant, tracking: &mut Tracking, load: &Load) {
    match fault {
        Fault::TrackingStops => assert_eq!(tracking.service.stop().await, Some(0)),
        Fault::TrackingIsKilled => tracking.service.kill().await,
        Fault::PostgresStops => {
            restaurant.stage.own_servers().postgres.stop().await;
            load.is_refused().await;
        }
        Fault::PostgresIsKilled => {
            restaurant.stage.own_servers().postgres.kill();
            load.is_refused().await;
        }
    }
    match fault {
        Fault::TrackingStops | Fault::TrackingIsKilled => {
            load.accepts(5).await;
            tracking.start_again().await;
        }
        Fault::PostgresStops | Fault::PostgresIsKilled => {
            restaurant.stage.own_servers().postgres.restart().await.unwrap();
        }
    }
}

/// The numbers of the next orders, at least so many.
async fn accepted(load: &Load, count: usize) -> Vec<String> {
    let known = load.attempts().len();
    load.accepts(count).await;
    let new = load.attempts().into_iter().skip(known);
    let numbers = new.filter_map(|attempt| match attempt.response {
        Response::Accepted(number) => Some(number),
        _ => None,
    });
    numbers.collect()
}

async fn ids(database: &Database, sql: &str) -> Vec<i64> {
    database.rows(sql).await.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}
