//! `GET /events`, for the staff.

use testkit::{EventStream, Service, http};

use crate::scene::{NUMBER, Scene, launch, step, store};

pub const KEY: &str = "the-staff-knows-this-key";
pub const STAFF: (&str, &str) = ("Authorization", "Bearer the-staff-knows-this-key");
pub const OTHER: &str = "ORD_20241216_002";

pub async fn open() -> (Scene, Service) {
    let scene = Scene::open().await;
    store(&scene.database, OTHER).await;
    let service = launch(&scene.stage).env("ORDER_STAFF_KEY", KEY).start().await;
    (scene, service)
}

pub async fn events(service: &Service) -> EventStream {
    let mut stream = EventStream::open(service.port(), "/events", &[STAFF]).await;
    stream.event("heartbeat").await.unwrap();
    stream
}

pub async fn resumed_at(service: &Service, position: &str) -> EventStream {
    EventStream::open(service.port(), "/events", &[STAFF, ("Last-Event-ID", position)]).await
}

/// What a client has seen by its position: without the row by which the log is known again.
pub fn seen(position: &str) -> &str {
    position.split_once('@').expect("a row").0
}

#[tokio::test]
async fn it_has_what_comes_from_now_on_of_all_orders() {
    let (scene, service) = open().await;
    scene.step("received").await;
    let mut stream = events(&service).await;
    let next = [scene.step("cooking").await, step(&scene.database, OTHER, "received").await];
    let first = stream.event("status").await.unwrap();
    assert_eq!((first.json()["order_number"].as_str(), first.id), (Some(NUMBER), Some(next[0].to_string())));
    assert_eq!(stream.ids(1).await, [next[1]]);
}

#[tokio::test]
async fn it_is_the_staff_s() {
    let (scene, service) = open().await;
    let answer = service.get("/events").await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"));
    // Where no key is configured, nobody is staff.
    let answer = http::send(scene.service.port(), "GET", "/events", &[STAFF], b"").await;
    assert_eq!(answer.status, 403, "{answer:?}");
}

#[tokio::test]
async fn a_display_that_comes_back_gets_what_it_missed_even_before_its_first_event() {
    let (scene, service) = open().await;
    scene.step("received").await;
    let stream = events(&service).await;
    let position = stream.last_event_id.clone().unwrap();
    drop(stream);
    let missed = [scene.step("cooking").await, step(&scene.database, OTHER, "received").await];
    for _ in 0..2 {
        let headers = [STAFF, ("Last-Event-ID", position.as_str())];
        let mut resumed = EventStream::open(service.port(), "/events", &headers).await;
        assert_eq!(resumed.ids(2).await, missed);
        assert_eq!(seen(&resumed.position().await), missed[1].to_string());
    }
}

#[tokio::test]
async fn a_long_absence_is_made_up_for_while_others_go_on() {
    const ROWS: i64 = 7_500;
    let (scene, service) = open().await;
    let first = scene.step("received").await;
    let sql = format!(
        "insert into order_status_log (order_id, status)
         select orders.id, 'cooking' from orders, generate_series(1, {ROWS}) where number = '{OTHER}'"
    );
    scene.database.execute(&sql).await;
    let id = first.to_string();
    let headers = [STAFF, ("Last-Event-ID", id.as_str())];
    let mut resumed = EventStream::open(service.port(), "/events", &headers).await;
    let ids = resumed.ids(usize::try_from(ROWS).unwrap()).await;
    assert_eq!(ids, (first + 1..=first + ROWS).collect::<Vec<_>>());
    let next = scene.step("ready").await;
    assert_eq!(resumed.ids(1).await, [next]);
}

#[tokio::test]
async fn a_row_that_was_open_before_anybody_looked_comes_late() {
    let (scene, service) = open().await;
    let holder = scene.stage.database().await;
    scene.step("received").await;
    holder.execute("begin").await;
    let held = step(&holder, OTHER, "received").await;
    let later = scene.step("cooking").await;
    let mut stream = events(&service).await;
    assert_eq!(seen(stream.last_event_id.as_deref().unwrap()), format!("{later}!{held}"));
    holder.execute("commit").await;
    assert_eq!(stream.ids(1).await, [held]);
    assert_eq!(seen(&stream.position().await), later.to_string());
}

#[tokio::test]
async fn over_a_restart_a_row_that_was_missing_is_not_lost() {
    let (scene, mut service) = open().await;
    let holder = scene.stage.database().await;
    let mut stream = events(&service).await;
    holder.execute("begin").await;
    let held = step(&holder, OTHER, "received").await;
    let later = scene.step("received").await;
    assert_eq!(stream.ids(1).await, [later]);
    let position = stream.position().await;
    service.kill().await;
    holder.execute("commit").await;
    let service = launch(&scene.stage).env("ORDER_STAFF_KEY", KEY).start().await;
    let headers = [STAFF, ("Last-Event-ID", position.as_str())];
    let mut resumed = EventStream::open(service.port(), "/events", &headers).await;
    assert_eq!(resumed.ids(1).await, [held]);
    let next = scene.step("cooking").await;
    assert_eq!(resumed.ids(1).await, [next]);
}

#[tokio::test]
async fn a_client_of_a_database_that_was_replaced_is_told() {
    let (scene, service) = open().await;
    for _ in 0..5 {
        scene.step("received").await;
    }
    let mut stream = events(&service).await;
    scene.database.execute("truncate order_status_log restart identity").await;
    while stream.block().await.is_some() {}
    service.log("status_log_replaced").await;
    // It cannot have seen this one.
    assert_eq!(scene.step("received").await, 1);
    let mut resumed = resumed_at(&service, stream.last_event_id.as_deref().unwrap()).await;
    let told = resumed.event("reset").await.unwrap();
    assert_eq!((told.data.as_deref(), seen(told.id.as_deref().unwrap())), (Some("{}"), "1"));
    assert_eq!(scene.step("cooking").await, 2);
    assert_eq!(resumed.ids(1).await, [2]);
}

#[tokio::test]
async fn a_client_is_told_even_if_the_other_log_has_its_id() {
    let (scene, service) = open().await;
    let mut stream = events(&service).await;
    // Each row has the time of its transaction.
    let rows = |count| {
        format!(
            "insert into order_status_log (order_id, status)
             select orders.id, 'cooking' from orders, generate_series(1, {count}) where number = '{OTHER}'"
        )
    };
    scene.database.execute(&rows(5)).await;
    assert_eq!(stream.ids(5).await, [1, 2, 3, 4, 5]);
    let away = stream.position().await;
    let replace = format!("begin; truncate order_status_log restart identity; {}; commit", rows(8));
    scene.database.execute(&replace).await;
    while stream.block().await.is_some() {}
    let cut = stream.last_event_id.clone().unwrap();
    for position in [away, cut] {
        let mut resumed = resumed_at(&service, &position).await;
        let told = resumed.event("reset").await.unwrap().id.unwrap();
        let next = scene.step("received").await;
        assert_eq!(resumed.ids(1).await, [next], "{position}");
        // From then on it is one of this log.
        assert_eq!(resumed_at(&service, &told).await.ids(1).await, [next], "{told}");
    }
}

#[tokio::test]
async fn a_position_that_cannot_be_read_is_refused() {
    let (_scene, service) = open().await;
    for unreadable in ["x", "-1", "12!", "é"] {
        let headers = [STAFF, ("Last-Event-ID", unreadable)];
        let answer = http::send(service.port(), "GET", "/events", &headers, b"").await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("Last-Event-ID"), "{answer:?}");
    }
}
