//! `order_requests`: an order of a message is stored once, its request is decided once, and its
//! events go out in their order.

use db::order_requests::{self, KnownRequest};
use db::orders::{self, PlaceOutcome, PlacedOrder, Placement};
use db::outbox::{
    Published, RequestEventRow, RequestStream, relay_orders, relay_request_events, settle_orders,
};
use db::transitions::{self, Unsent};
use db::{Database, DbError};
use domain::order_request::{OrderRequest, RequestFailure, RequestStatus};
use domain::{Fingerprint, OrderRequestId, OrderType, TraceParent};
use serde_json::{Value, json};

use crate::outbox::LOOK;
use crate::scene::{Scene, identity, open, request_id, takeout};
use crate::shop::Basket;

/// A request with this id and this body.
pub fn request(place: u8, body: &str) -> OrderRequest {
    let id = format!("019ab6ce-5d80-7c3e-8f12-{place:012}");
    OrderRequest { order_id: id.parse().unwrap(), fingerprint: Fingerprint::of(body.as_bytes()) }
}

/// A request that nobody had before.
pub fn new_request() -> OrderRequest {
    OrderRequest { order_id: identity().uuid().into(), fingerprint: Fingerprint::of(b"a body") }
}

/// Places a takeout order for each request, in one call.
pub async fn place(db: &Database, requests: &[OrderRequest]) -> Result<Vec<PlaceOutcome>, DbError> {
    let (order, request_id) = (takeout(), request_id("a-request"));
    let placement = |request: &OrderRequest| Placement {
        identity: identity(),
        order: &order,
        request_id: &request_id,
        idempotency: None,
        from_menu: None,
        request: Some(*request),
    };
    orders::place(db, &requests.iter().map(placement).collect::<Vec<_>>()).await
}

pub fn failure() -> RequestFailure {
    let errors = Some(serde_json::value::to_raw_value(&json!([{"pointer": "/items"}])).unwrap());
    RequestFailure { code: "validation_failed".to_owned(), reason: "No.".to_owned(), errors, items: None }
}

impl Scene {
    async fn requested(&self, request: &OrderRequest) -> PlacedOrder {
        place(&self.db, std::slice::from_ref(request)).await.unwrap().remove(0).placed().unwrap()
    }

    async fn known(&self, id: OrderRequestId) -> Option<KnownRequest> {
        order_requests::find(&self.db, &[id]).await.unwrap().remove(0)
    }

    /// The status of a request, and the number of its order.
    async fn state(&self, request: &OrderRequest) -> (RequestStatus, Option<String>) {
        let outcome = self.known(request.order_id).await.unwrap().outcome;
        (outcome.status, outcome.order_number.map(|number| number.to_string()))
    }

    /// Publishes what is due in a stream, and returns it.
    async fn told(&self, stream: RequestStream) -> Vec<RequestEventRow> {
        let mut told = Vec::new();
        let relayed = relay_request_events(&self.db, stream, LOOK, async |rows| {
            told = rows;
            Published { confirmed: told.iter().map(|row| row.id).collect(), ..Published::default() }
        });
        relayed.await.unwrap();
        told
    }

    async fn statuses_told(&self, stream: RequestStream) -> Vec<RequestStatus> {
        self.told(stream).await.iter().map(|row| row.event.status).collect()
    }
}

#[tokio::test]
async fn of_a_message_that_comes_again_nothing_is_stored() {
    let scene = Scene::at_noon().await;
    let [first, second, third] = [request(1, "a"), request(2, "a"), request(3, "a")];
    let outcomes = place(&scene.db, &[first, second, first]).await.unwrap();
    assert!(matches!(
        outcomes[..],
        [PlaceOutcome::Placed(_), PlaceOutcome::Placed(_), PlaceOutcome::Repeated]
    ));
    let outcomes = place(&scene.db, &[second, third, first]).await.unwrap();
    assert!(matches!(
        outcomes[..],
        [PlaceOutcome::Repeated, PlaceOutcome::Placed(_), PlaceOutcome::Repeated]
    ));
    assert!(matches!(
        place(&scene.db, &[first, second]).await.unwrap()[..],
        [PlaceOutcome::Repeated, PlaceOutcome::Repeated]
    ));
    assert_eq!([scene.count("orders").await, scene.count("order_requests").await], [3, 3]);
    assert_eq!(scene.place().await.number.sequence(), 4);
    assert_eq!(scene.state(&third).await, (RequestStatus::Processing, Some("ORD_20261120_003".to_owned())));
    assert!(scene.known(request(4, "a").order_id).await.is_none());
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn orders_of_both_ways_share_a_call() {
    let scene = Scene::at_noon().await;
    let (order, request_id) = (takeout(), request_id("a-request"));
    let ways = [None, Some(request(1, "a")), None, Some(request(2, "a"))];
    let placements = ways.map(|request| Placement {
        identity: identity(),
        order: &order,
        request_id: &request_id,
        idempotency: None,
        from_menu: None,
        request,
    });
    let outcomes = orders::place(&scene.db, &placements).await.unwrap();
    let numbers = outcomes.into_iter().map(|outcome| outcome.placed().unwrap().number.sequence());
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 2, 3, 4]);
    let placed = "select string_agg(order_number, ' ' order by order_number) from order_requests";
    assert_eq!(scene.value(placed).await, "ORD_20261120_002 ORD_20261120_004");
}

/// The second one waits for the first one, and then knows.
#[tokio::test]
async fn services_that_get_one_message_at_once_store_it_once() {
    let scene = Scene::new().await;
    let other = open(&scene.stage);
    let requests: Vec<_> = (0..20).map(|place| request(place, "a")).collect();
    let backwards: Vec<_> = requests.iter().rev().copied().collect();
    let (one, two) = tokio::join!(place(&scene.db, &requests), place(&other, &backwards));
    let outcomes = [one.unwrap(), two.unwrap()].concat();
    let placed = outcomes.iter().filter(|outcome| matches!(outcome, PlaceOutcome::Placed(_))).count();
    assert_eq!((placed, scene.count("orders").await), (20, 20));
}

#[tokio::test]
async fn what_is_short_leaves_no_row_and_concerns_no_other() {
    let scene = Scene::new().await;
    scene.offer("soup", 1).await;
    let (order, request_id) = (takeout(), request_id("a-request"));
    let (one, two) = (Basket::of(&[("soup", 1)]), Basket::of(&[("soup", 2)]));
    let ask = async |wanted: &[(u8, &Basket)]| {
        let mut placements = Vec::new();
        for (place, basket) in wanted {
            placements.push(Placement {
                identity: identity(),
                order: &order,
                request_id: &request_id,
                idempotency: None,
                from_menu: Some(orders::FromMenu { demand: basket.demand(), adjustments: &[] }),
                request: Some(request(*place, "a")),
            });
        }
        orders::place(&scene.db, &placements).await.unwrap()
    };
    // Nobody gets anything; then one of two does.
    assert!(matches!(ask(&[(1, &two)]).await[..], [PlaceOutcome::OutOfStock(_)]));
    assert_eq!(scene.count("order_requests").await, 0);
    let outcomes = ask(&[(1, &two), (2, &one)]).await;
    assert!(matches!(outcomes[..], [PlaceOutcome::OutOfStock(_), PlaceOutcome::Placed(_)]));
    assert_eq!(scene.count("order_requests").await, 1);
    assert!(matches!(ask(&[(2, &one)]).await[..], [PlaceOutcome::Repeated]));
    assert_eq!(scene.left("soup").await, 0);
    assert_eq!(scene.broken().await, []);
}

/// Whoever removes the row of the outbox decides.
#[tokio::test]
async fn a_request_is_decided_when_its_message_leaves_the_outbox() {
    let scene = Scene::new().await;
    let [settled, relayed, taken_back, cancelled] = [1, 2, 3, 4].map(|place| request(place, "a"));
    let (order, status) = (scene.requested(&settled).await, RequestStatus::Confirmed);
    settle_orders(&scene.db, &[order.identity]).await.unwrap();
    assert_eq!(scene.state(&settled).await, (status, Some(order.number.to_string())));

    let order = scene.requested(&relayed).await;
    scene.all_due().await;
    let relay = relay_orders(&scene.db, OrderType::Takeout, LOOK, async |rows| Published {
        confirmed: rows.iter().map(|row| row.order_id).collect(),
        ..Published::default()
    });
    relay.await.unwrap();
    assert_eq!(scene.state(&relayed).await, (status, Some(order.number.to_string())));

    let order = scene.requested(&taken_back).await;
    let request_id = request_id("a-request");
    let unsent = Unsent { identity: order.identity, request_id: &request_id, idempotency_key: None };
    transitions::take_back(&scene.db, &[unsent], "a reason").await.unwrap();
    assert_eq!(scene.state(&taken_back).await.0, RequestStatus::Failed);
    let outcome = scene.known(taken_back.order_id).await.unwrap().outcome;
    assert_eq!(outcome.code.as_deref(), Some("cancelled"));

    let order = scene.requested(&cancelled).await;
    scene.cancel(&order).await;
    assert_eq!(scene.state(&cancelled).await.0, RequestStatus::Processing);
    settle_orders(&scene.db, &[order.identity]).await.unwrap();
    assert_eq!(scene.state(&cancelled).await.0, RequestStatus::Failed);
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn a_request_without_an_order_fails_once() {
    let scene = Scene::new().await;
    let (new, placed) = (request(1, "a"), request(2, "a"));
    scene.requested(&placed).await;
    let fail = async |request: &OrderRequest| {
        order_requests::fail(&scene.db, request, &request_id("a-request"), &failure()).await.unwrap()
    };
    assert_eq!([fail(&new).await, fail(&new).await, fail(&placed).await], [true, false, false]);
    let KnownRequest { fingerprint, outcome } = scene.known(new.order_id).await.unwrap();
    assert_eq!(fingerprint, new.fingerprint.as_bytes());
    let said = serde_json::to_value(&outcome).unwrap();
    assert_eq!(
        [&said["status"], &said["code"], &said["reason"]],
        [&json!("FAILED"), &json!("validation_failed"), &json!("No.")]
    );
    assert_eq!(said["errors"], json!([{"pointer": "/items"}]));
    assert!(matches!(place(&scene.db, &[new]).await.unwrap()[..], [PlaceOutcome::Repeated]));
    assert_eq!(scene.broken().await, []);
}

#[tokio::test]
async fn of_each_request_the_beginning_goes_before_the_end() {
    use RequestStatus::{Confirmed, Failed, Processing};
    let scene = Scene::new().await;
    let (placed, refused) = (request(1, "a"), request(2, "a"));
    let order = scene.requested(&placed).await;
    settle_orders(&scene.db, &[order.identity]).await.unwrap();
    order_requests::fail(&scene.db, &refused, &request_id("a-request"), &failure()).await.unwrap();
    assert_eq!(scene.statuses_told(RequestStream::Status).await, [Processing, Failed]);
    assert_eq!(scene.statuses_told(RequestStream::Status).await, [Confirmed]);
    let outcomes = scene.told(RequestStream::Outcome).await;
    assert_eq!(outcomes[0].event.message_id(), format!("{}.CONFIRMED", placed.order_id));
    let details = outcomes[0].event.details.as_ref().unwrap();
    let items: Value = serde_json::from_str(details.items.as_ref().unwrap().get()).unwrap();
    assert_eq!(items[0].to_string(), r#"{"name":"Margherita Pizza","quantity":1,"price":15.99}"#);
    assert_eq!(details.customer_name.as_deref(), Some("Jane Doe"));
    assert_eq!(outcomes[1].event.details.as_ref().unwrap().code.as_deref(), Some("validation_failed"));
    assert_eq!(scene.count("request_outbox").await, 0);
}

#[tokio::test]
async fn events_are_in_the_trace_of_their_request() {
    let scene = Scene::new().await;
    let trace = TraceParent::new(7, 8, 1);
    let id = request_id("a-request").with_trace(trace);
    let order = takeout();
    let placement = Placement {
        identity: identity(),
        order: &order,
        request_id: &id,
        idempotency: None,
        from_menu: None,
        request: Some(request(1, "a")),
    };
    let placed = orders::place(&scene.db, &[placement]).await.unwrap().remove(0).placed().unwrap();
    order_requests::fail(&scene.db, &request(2, "a"), &id, &failure()).await.unwrap();
    let begun = scene.told(RequestStream::Status).await;
    settle_orders(&scene.db, &[placed.identity]).await.unwrap();
    scene.execute("update request_outbox set changed_at = now() - interval '61 s'").await;
    let ended = scene.told(RequestStream::Status).await;
    let outcomes = scene.told(RequestStream::Outcome).await;
    assert_eq!([begun.len(), ended.len(), outcomes.len()], [2, 1, 2]);
    assert!(begun.iter().chain(&ended).chain(&outcomes).all(|row| row.request_id.trace() == trace));
    assert!(begun.iter().all(|row| !row.is_old) && ended.iter().chain(&outcomes).all(|row| row.is_old));
    // A request without one is told of all the same.
    scene.requested(&request(3, "a")).await;
    assert_eq!(scene.told(RequestStream::Status).await[0].request_id.trace(), None);
}

#[tokio::test]
async fn with_a_request_that_is_removed_its_events_go() {
    let scene = Scene::new().await;
    scene.requested(&request(1, "a")).await;
    scene.requested(&request(2, "a")).await;
    scene.execute("delete from order_requests where order_number like '%_001'").await;
    assert_eq!(scene.count("request_outbox").await, 1);
    scene.execute("truncate order_requests").await;
    assert_eq!(scene.count("request_outbox").await, 0);
}
