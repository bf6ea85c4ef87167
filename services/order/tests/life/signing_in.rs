//! `/staff/session`: the cookie that opens what the staff's key opens, on every service.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::http::{Answer, send};
use testkit::orders::takeout;
use testkit::{Service, Stage};

use crate::post;

const KEY: &str = "the-staff-knows-this-key";
/// The page of a service that listens on its default port, whatever port the test has.
const OURS: (&str, &str) = ("Origin", "http://localhost:3000");
const MARK: (&str, &str) = ("X-Requested-With", "restaurant");

async fn session(service: &Service, method: &str, headers: &[(&str, &str)]) -> Answer {
    send(service.port(), method, "/staff/session", headers, b"").await
}

async fn sign_in(service: &Service, key: &str) -> Answer {
    post(service, "/staff/session", &[], &json!({ "key": key }).to_string()).await
}

async fn send_form(service: &Service, form: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [&[("Content-Type", "application/x-www-form-urlencoded")], headers].concat();
    send(service.port(), "POST", "/staff/session", &headers, form.as_bytes()).await
}

/// The cookie that a browser sends back.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn placed(service: &Service) -> String {
    let answer = post(service, "/orders", &[], &takeout().to_string()).await;
    answer.json()["order_number"].as_str().unwrap().to_owned()
}

async fn cancel(service: &Service, headers: &[(&str, &str)]) -> Answer {
    let number = placed(service).await;
    post(service, &format!("/orders/{number}/cancel"), headers, "").await
}

#[tokio::test]
async fn whoever_signs_in_is_staff_on_both_services() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_STAFF_KEY", KEY).start().await;
    let tracking = stage.tracking_service().env("ORDER_STAFF_KEY", KEY).start().await;
    let nobody = json!({"signed_in": false, "until": null, "key_configured": true});
    assert_eq!(session(&service, "GET", &[]).await.json(), nobody);

    let signed_in = sign_in(&service, KEY).await;
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    assert_eq!(signed_in.json()["signed_in"], true);
    let attributes = signed_in.header("set-cookie").split_once(';').unwrap().1;
    assert_eq!(attributes, " Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
    assert!(!signed_in.header("set-cookie").contains(KEY));
    let cookie = cookie(&signed_in);
    let cookie = ("Cookie", cookie.as_str());
    for service in [&service, &tracking] {
        let shown = session(service, "GET", &[cookie]).await;
        assert_eq!((shown.status, shown.header("cache-control")), (200, "no-store"));
        assert_eq!(shown.json(), signed_in.json());
        let head = session(service, "HEAD", &[cookie]).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
    }

    // A change needs a page of ours that says so. The bearer key needs neither.
    for (headers, status) in [
        (&[cookie, OURS, MARK][..], 200),
        (&[cookie, ("Origin", "http://localhost:3002"), MARK], 200),
        (&[cookie, OURS], 403),
        (&[cookie, MARK], 403),
        (&[cookie], 403),
        (&[("Authorization", "Bearer the-staff-knows-this-key")], 200),
        (&[], 401),
    ] {
        let answer = cancel(&service, headers).await;
        assert_eq!(answer.status, status, "{headers:?}: {answer:?}");
    }
    assert_eq!(service.logs("cross_site_refused", 3).await.len(), 3);

    assert_eq!(session(&service, "DELETE", &[cookie]).await.status, 403, "a form cannot end it");
    let ended = session(&service, "DELETE", &[cookie, OURS, MARK]).await;
    assert_eq!((ended.status, ended.body.as_str()), (204, ""));
    assert_eq!(ended.header("set-cookie"), "restaurant_staff=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    assert_eq!(session(&service, "DELETE", &[]).await.status, 204);
    service.log("staff_signed_in").await;
}

#[tokio::test]
async fn a_form_leads_to_the_page_and_a_wrong_key_back_to_it() {
    let stage = Stage::new().await;
    let service = stage.order_service().env("ORDER_STAFF_KEY", "the staff & its key+1").start().await;
    let browser = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    for (form, page) in [
        ("key=the+staff+%26+its+key%2B1", "../staff"),
        ("key=%20the+staff+%26+its+key%2B1%0D%0A&next=track/ORD_20261130_001", "../track/ORD_20261130_001"),
        ("next=//evil.example&key=the+staff+%26+its+key%2B1", "../staff"),
    ] {
        let answer = send_form(&service, form, &[browser, OURS]).await;
        assert_eq!((answer.status, answer.header("location")), (303, page), "{form}");
        let cookie = cookie(&answer);
        assert_eq!(session(&service, "GET", &[("Cookie", &cookie)]).await.json()["signed_in"], true);
    }
    let wrong = send_form(&service, "key=wrong&next=staff?lang=ar", &[browser]).await;
    assert_eq!((wrong.status, wrong.header("location")), (303, "../staff?lang=ar&sign_in=wrong"));
    assert!(!wrong.headers.contains_key("set-cookie"), "{wrong:?}");
    // A program is told with the status.
    assert_eq!(send_form(&service, "key=wrong", &[]).await.status, 403);
    assert_eq!(send_form(&service, "name=wrong", &[]).await.status, 400);
    // A page of another site cannot use the form.
    let foreign = ("Origin", "https://evil.example");
    let answer = send_form(&service, "key=the+staff+%26+its+key%2B1", &[browser, foreign]).await;
    assert_eq!(answer.status, 403);
    assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
}

#[tokio::test]
async fn wrong_keys_are_slowed_down_and_logged_however_they_come() {
    let stage = Stage::new().await;
    let tracking = stage.tracking_service().env("ORDER_STAFF_KEY", KEY).start().await;
    let started = Instant::now();
    let wrong = sign_in(&tracking, "the-staff-knows-this-kex").await;
    assert!(started.elapsed() >= Duration::from_millis(500), "{:?}", started.elapsed());
    assert_eq!(wrong.status, 403, "{wrong:?}");
    let answers =
        futures_util::future::join_all((0..50).map(|_| sign_in(&tracking, "the-staff-knows-this-kex"))).await;
    let turned_away = answers.iter().filter(|answer| answer.status == 429).count();
    assert!(turned_away > 30, "{turned_away} of 50");
    assert_eq!(tracking.logged("staff_key_refused").len(), 51 - turned_away);
    assert!(!tracking.everything().contains("this-kex"), "a key is no secret in a log");
    assert_eq!(sign_in(&tracking, KEY).await.status, 200, "nobody can lock the staff out");
    for body in ["", "{}", "[]", "{\"key\": 1}", "key"] {
        assert_eq!(post(&tracking, "/staff/session", &[], body).await.status, 400, "{body}");
    }
    assert_eq!(session(&tracking, "PUT", &[]).await.status, 405);
}

#[tokio::test]
async fn a_new_key_signs_everybody_out() {
    let stage = Stage::new().await;
    let mut service = stage.order_service().env("ORDER_STAFF_KEY", KEY).start().await;
    let cookie = cookie(&sign_in(&service, KEY).await);
    let cookie = ("Cookie", cookie.as_str());
    service.stop().await;
    let service = stage.order_service().env("ORDER_STAFF_KEY", KEY).start().await;
    assert_eq!(cancel(&service, &[cookie, OURS, MARK]).await.status, 200, "a restart does not");

    let service = stage.order_service().env("ORDER_STAFF_KEY", "the-key-of-the-next-morning").start().await;
    let refused = cancel(&service, &[cookie, OURS, MARK]).await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, "Bearer"));
    let detail = refused.json()["detail"].to_string();
    assert!(detail.contains("Sign in again"), "{detail}");
    assert_eq!(session(&service, "GET", &[cookie]).await.json()["signed_in"], false);
}

#[tokio::test]
async fn without_a_configured_key_signing_in_says_how_to_set_one() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let shown = session(&service, "GET", &[]).await.json();
    assert_eq!(shown, json!({"signed_in": false, "until": null, "key_configured": false}));
    let refused = sign_in(&service, KEY).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let Value::String(detail) = &refused.json()["detail"] else { panic!("{refused:?}") };
    assert!(detail.contains("ORDER_STAFF_KEY") && detail.contains("openssl rand"), "{detail}");
}

#[tokio::test]
async fn behind_a_gateway_the_cookie_fits_its_paths_and_goes_over_tls_only() {
    let stage = Stage::new().await;
    let urls = [
        ("WEB_ORDER_URL", "https://shop.example/r/order"),
        ("WEB_TRACKING_URL", "https://shop.example/r/tracking"),
        ("WEB_BASE_PATH", "/r/order"),
    ];
    let launch = stage.order_service().env("ORDER_STAFF_KEY", KEY);
    let service =
        urls.into_iter().fold(launch, |launch, (name, value)| launch.env(name, value)).start().await;
    let headers = [("Content-Type", "application/json"), ("Origin", "https://shop.example")];
    let body = json!({ "key": KEY }).to_string();
    let answer = send(service.port(), "POST", "/r/order/staff/session", &headers, body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let attributes = answer.header("set-cookie").split_once(';').unwrap().1;
    assert_eq!(attributes, " Path=/r; Max-Age=43200; HttpOnly; SameSite=Strict; Secure");
    let cookie = cookie(&answer);
    let headers = [("Cookie", &*cookie), ("Origin", "https://shop.example"), MARK];
    assert_eq!(cancel(&service, &headers).await.status, 200);
    assert_eq!(cancel(&service, &[headers[0], OURS, MARK]).await.status, 403, "not ours any more");
}
