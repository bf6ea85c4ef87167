//! Who may see and do what.

use serde_json::json;
use testkit::http::send;
use testkit::orders::takeout;
use testkit::{Service, Stage};

use crate::scene::{KEY, STAFF, Scene, manual};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A manual worker without a key of the staff.
async fn keyless(stage: &Stage) -> Service {
    let worker =
        manual(stage, "chef_bob").without_env("ORDER_STAFF_KEY").ready_when_logged("service_started");
    worker.start().await
}

#[tokio::test]
async fn everything_but_the_probes_is_the_staffs() {
    let scene = Scene::open().await;
    let number = scene.ticketed(&takeout()).await;
    let port = scene.worker.port();
    for path in ["/health", "/readyz", "/livez"] {
        assert_eq!(send(port, "GET", path, &[], b"").await.status, 200, "{path}");
    }
    let checks = send(port, "GET", "/health", &[], b"").await.json()["checks"].clone();
    assert_eq!(checks, json!({"database": "healthy", "registration": "healthy", "rabbitmq": "healthy"}));
    for path in ["/tickets", "/events"] {
        assert_eq!(send(port, "GET", path, &[], b"").await.status, 401, "{path}");
        let wrong = ("Authorization", "Bearer wrong");
        assert_eq!(send(port, "GET", path, &[wrong], b"").await.status, 403, "{path}");
        assert_eq!(send(port, "HEAD", path, &[STAFF], b"").await.status, 200, "{path}");
    }
    for step in ["start", "ready", "recall", "lines/0"] {
        let path = format!("/tickets/{number}/{step}");
        assert_eq!(send(port, "POST", &path, &[JSON], b"{}").await.status, 401, "{step}");
        assert_eq!(send(port, "GET", &path, &[STAFF], b"").await.status, 405, "{step}");
    }
    assert_eq!(scene.log(&number).await.len(), 1);
}

#[tokio::test]
async fn a_sign_in_changes_something_only_from_our_page() {
    let scene = Scene::open().await;
    let number = scene.ticketed(&takeout()).await;
    let port = scene.worker.port();
    let body = json!({ "key": KEY }).to_string();
    let signed_in = send(port, "POST", "/staff/session", &[JSON], body.as_bytes()).await;
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    let cookie = ("Cookie", cookie.as_str());
    assert_eq!(send(port, "GET", "/tickets", &[cookie], b"").await.status, 200);
    let path = format!("/tickets/{number}/start");
    let (ours, mark) = (("Origin", "http://localhost"), ("X-Requested-With", "restaurant"));
    for headers in [vec![cookie], vec![cookie, ours], vec![cookie, mark]] {
        assert_eq!(send(port, "POST", &path, &headers, b"").await.status, 403, "{headers:?}");
    }
    assert_eq!(scene.status(&number).await, "received");
    assert_eq!(send(port, "POST", &path, &[cookie, ours, mark], b"").await.status, 200);
}

#[tokio::test]
async fn without_a_key_nobody_is_staff_and_no_order_is_taken() {
    let scene = Scene::open().await;
    let worker = keyless(&scene.stage).await;
    let answer = send(worker.port(), "GET", "/tickets", &[], b"").await;
    assert_eq!(answer.status, 401);
    assert!(answer.json()["detail"].as_str().unwrap().contains("ORDER_STAFF_KEY"), "{answer:?}");
    assert_eq!(send(worker.port(), "GET", "/tickets", &[STAFF], b"").await.status, 403);
    assert_eq!(send(worker.port(), "GET", "/readyz", &[], b"").await.status, 503);
    worker.log("staff_key_missing").await;
    let registered = scene.database.value("SELECT count(*) FROM workers WHERE name = 'chef_bob'").await;
    assert_eq!(registered, json!(0), "nobody counts on it");
}

#[tokio::test]
async fn a_browser_gets_the_page_to_sign_in_and_then_the_display() {
    let scene = Scene::open().await;
    let port = scene.worker.port();
    let html = ("Accept", "text/html,*/*;q=0.8");
    let refused = send(port, "GET", "/", &[html], b"").await;
    assert_eq!(refused.status, 401);
    assert!(refused.body.contains("action=\"staff/session\"") && !refused.body.contains("kitchen-display"));
    assert_eq!((refused.header("cache-control"), refused.header("www-authenticate")), ("no-store", "Bearer"));
    assert_eq!(send(port, "GET", "/", &[], b"").await.header("content-type"), "application/problem+json");

    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let origin = ("Origin", "http://localhost");
    let body = format!("key={KEY}");
    let signed_in = send(port, "POST", "/staff/session", &[form, html, origin], body.as_bytes()).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "../"), "{signed_in:?}");
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    let page = send(port, "GET", "/", &[html, ("Cookie", &cookie)], b"").await;
    assert!(page.status == 200 && page.body.contains("<kitchen-display actions"), "{page:?}");
    let wrong = send(port, "POST", "/staff/session", &[form, html, origin], b"key=wrong").await;
    assert_eq!((wrong.status, wrong.header("location")), (303, "../?sign_in=wrong"));

    let keyless = keyless(&scene.stage).await;
    let how = send(keyless.port(), "GET", "/", &[html], b"").await;
    assert!(how.status == 403 && how.body.contains("ORDER_STAFF_KEY"), "{how:?}");
}
