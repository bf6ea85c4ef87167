//! `GET /events`: displays of one worker see the same.

use serde_json::json;
use testkit::http::send;
use testkit::orders::takeout;

use crate::scene::{STAFF, Scene, numbers};

#[tokio::test]
async fn a_display_gets_the_board_and_then_each_change() {
    let scene = Scene::open().await;
    let first = scene.ticketed(&takeout()).await;
    let mut streams = [scene.stream().await, scene.stream().await];
    for stream in &mut streams {
        let board = stream.event("tickets").await.unwrap().json();
        assert_eq!(numbers(&board["tickets"]), [&*first]);
        let heartbeat = stream.event("heartbeat").await.unwrap();
        assert!(heartbeat.json()["timestamp"].is_string() && heartbeat.id.is_none(), "{heartbeat:?}");
    }
    let second = scene.ticketed(&takeout()).await;
    scene.bumped(&first, "start", "received").await;
    scene.bumped(&first, "ready", "cooking").await;
    scene.bumped(&first, "recall", "ready").await;
    scene.change(&second, "cancel").await;
    for stream in &mut streams {
        let mut seen = Vec::new();
        while !seen.iter().any(|(_, status)| status == "cancelled") {
            let ticket = stream.event("ticket").await.unwrap().json();
            seen.push((ticket["order_number"].clone(), ticket["status"].clone()));
        }
        let of = |number: &str| {
            let of_it = seen.iter().filter(|(of, _)| of == number);
            let mut statuses: Vec<_> = of_it.map(|(_, status)| status.as_str().unwrap()).collect();
            statuses.dedup();
            statuses
        };
        assert_eq!(of(&first), ["cooking", "ready", "cooking"], "{seen:?}");
        assert_eq!(of(&second), ["received", "cancelled"], "{seen:?}");
    }
}

#[tokio::test]
async fn a_ticket_that_leaves_is_said_to_be_gone() {
    let scene = Scene::open().await;
    let number = scene.ticketed(&takeout()).await;
    let mut stream = scene.stream().await;
    scene.bumped(&number, "start", "received").await;
    scene.bumped(&number, "ready", "cooking").await;
    scene.change(&number, "complete").await;
    let gone = stream.event("gone").await.unwrap().json();
    assert_eq!(gone["order_number"], number.as_str());
}

/// So a display can tell which of two answers is newer, whatever way they came.
#[tokio::test]
async fn each_change_has_a_revision_and_a_board_has_that_of_its_last_change() {
    let scene = Scene::open().await;
    let number = scene.ticketed(&takeout()).await;
    let mut stream = scene.stream().await;
    let mut last = stream.event("tickets").await.unwrap().json();
    let board = last["board"].clone();
    let mut seen = vec![last["revision"].as_u64().unwrap()];
    let steps = [("start", "received"), ("ready", "cooking"), ("recall", "ready"), ("ready", "cooking")];
    for (step, from) in steps {
        let answered = scene.bumped(&number, step, from).await["revision"].as_u64().unwrap();
        let status = if step == "ready" { "ready" } else { "cooking" };
        loop {
            last = stream.event("ticket").await.unwrap().json();
            seen.push(last["revision"].as_u64().unwrap());
            if last["status"] == status {
                break;
            }
        }
        assert!(answered >= *seen.last().unwrap(), "the answer has the step: {answered} {seen:?}");
    }
    scene.change(&number, "complete").await;
    seen.push(stream.event("gone").await.unwrap().json()["revision"].as_u64().unwrap());
    assert!(seen.is_sorted() && seen.first() < seen.last(), "{seen:?}");
    let whole = scene.board().await;
    assert_eq!((&whole["board"], whole["revision"].as_u64()), (&board, seen.last().copied()));
}

#[tokio::test]
async fn a_line_that_is_ticked_off_is_so_on_all_displays() {
    let scene = Scene::open().await;
    let number = scene.ticketed(&takeout()).await;
    let mut stream = scene.stream().await;
    stream.event("tickets").await.unwrap();
    let tick = async |line: &str, body: &str| {
        let path = format!("/tickets/{number}/lines/{line}");
        let headers = [STAFF, ("Content-Type", "application/json")];
        send(scene.worker.port(), "POST", &path, &headers, body.as_bytes()).await
    };
    let ticked = tick("1", r#"{"done":true}"#).await;
    assert_eq!(ticked.status, 200, "{ticked:?}");
    let done =
        |ticket: &serde_json::Value| (ticket["items"][0]["done"].clone(), ticket["items"][1]["done"].clone());
    assert_eq!(done(&ticked.json()), (json!(false), json!(true)));
    assert_eq!(done(&stream.event("ticket").await.unwrap().json()), (json!(false), json!(true)));
    scene.bumped(&number, "start", "received").await;
    assert_eq!(done(&scene.until(&number, "cooking").await), (json!(false), json!(true)));
    assert_eq!(done(&tick("1", r#"{"done":false}"#).await.json()), (json!(false), json!(false)));
    for (line, body, status) in
        [("2", r#"{"done":true}"#, 404), ("-1", r#"{"done":true}"#, 404), ("0", "{}", 400), ("0", "", 400)]
    {
        let refused = tick(line, body).await;
        assert_eq!(refused.status, status, "{line} {body}");
        assert_eq!(refused.header("content-type"), "application/problem+json", "{line} {body}");
    }
}
