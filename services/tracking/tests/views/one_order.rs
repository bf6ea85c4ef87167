//! `GET /orders/{order_number}`.

use serde_json::{Value, json};
use testkit::http::send;
use testkit::orders::takeout;

use crate::scene::{KEY, STAFF, Scene, number};

#[tokio::test]
async fn a_guest_sees_their_own_order_and_no_other() {
    let scene = Scene::open().await;
    let orders = scene.stage.order_service().start().await;
    let mut placed = Vec::new();
    for _ in 0..2 {
        let answer = orders.post("/orders", &takeout().to_string()).await;
        let number = answer.json()["order_number"].as_str().unwrap().to_owned();
        placed.push((format!("/orders/{number}"), answer.header("x-order-token").to_owned(), number));
    }
    let (path, token, number_of_first) = &placed[0];
    let answer = scene.ask(path, &[("X-Order-Token", token)]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    let body = answer.json();
    assert_eq!(body["order_number"], number_of_first.as_str());
    assert_eq!(body["items"].as_array().unwrap().len(), takeout()["items"].as_array().unwrap().len());
    assert_eq!(
        (&body["history"][0]["status"], &body["history"][0]["notes"]),
        (&"received".into(), &().into())
    );
    assert_eq!(body["adjustments"], json!([]));
    // The order of another guest, an unknown one, and a text that is no token are all the same.
    let unknown = format!("/orders/{}", number(999));
    for (path, token) in [(path, &placed[1].1), (&unknown, token), (path, &"nonsense".to_owned())] {
        let answer = scene.ask(path, &[("X-Order-Token", token)]).await;
        assert_eq!(answer.status, 403, "{path}");
        let detail = "This X-Order-Token is not the one that placing the order returned.";
        assert_eq!(answer.json()["detail"], detail);
    }
    // Whoever guesses leaves lines in the log.
    let refused = scene.service.logs("validation_failed", 3).await;
    assert_eq!(refused[0]["details"]["order_number"], number_of_first.as_str());
}

#[tokio::test]
async fn a_browser_is_led_to_the_page_of_the_order() {
    let scene = Scene::open().await;
    scene.store(1, 5.0).await;
    let browser = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let answer = scene.ask(&format!("/orders/{}", number(1)), &browser).await;
    let led_to = format!("../track/{}", number(1));
    assert_eq!((answer.status, answer.header("location")), (303, led_to.as_str()));
    assert_eq!(answer.header("vary"), "Accept");
    // The language goes along.
    let answer = scene.ask(&format!("/orders/{}?lang=ar", number(1)), &browser).await;
    assert_eq!(answer.header("location"), format!("{led_to}?lang=ar"));
    let answer = scene.ask("/orders/nonsense", &browser).await;
    assert_eq!(answer.status, 404);
    assert!(answer.header("content-type").starts_with("text/html"), "{answer:?}");
}

#[tokio::test]
async fn the_staff_sees_all_and_others_nothing() {
    let scene = Scene::open().await;
    scene.store(1, 5.0).await;
    scene.step(1, "cancelled", 1.0).await;
    scene.database.execute("update order_status_log set notes = 'too late' where status = 'cancelled'").await;
    let path = format!("/orders/{}", number(1));
    let body = scene.ask_as_staff(&path).await.json();
    assert_eq!((&body["status"], &body["customer_name"]), (&"cancelled".into(), &"Jane Doe".into()));
    assert_eq!(body["history"][1]["notes"], "too late");
    assert_eq!(scene.ask_as_staff(&format!("/orders/{}", number(2))).await.status, 404);
    assert_eq!(scene.ask_as_staff("/orders/nonsense").await.status, 404);
    for path in [path, format!("/orders/{}", number(2))] {
        assert_eq!(scene.ask(&path, &[]).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn items_and_adjustments_make_the_total() {
    let scene = Scene::open().await;
    scene.store(1, 5.0).await;
    let rules = "
        insert into order_adjustments (order_id, place, kind, rule, label, line, base, amount, included)
        select id, adjustment.*
        from orders cross join (values
            (2, 'fee', 'bag', 'Bag', null::int, 24.98, 0.30, null::numeric),
            (3, 'tax', 'vat', 'VAT 7 %', null, 22.48, 0.00, 1.47),
            (1, 'discount', 'soup-day', 'Soup day', 0, 24.98, -2.50, null)
        ) as adjustment";
    scene.database.execute(&format!("update orders set total_amount = 22.78; {rules}")).await;
    let body = scene.ask_as_staff(&format!("/orders/{}", number(1))).await.json();
    let told = body["adjustments"].as_array().unwrap().iter().map(|each| {
        let parts = ["kind", "rule", "label", "line", "base", "amount", "included"];
        parts.map(|part| each.get(part).map_or("-".to_owned(), Value::to_string)).join(" ")
    });
    let expected = [
        r#""discount" "soup-day" "Soup day" 0 24.98 -2.50 -"#,
        r#""fee" "bag" "Bag" - 24.98 0.30 -"#,
        r#""tax" "vat" "VAT 7 %" - 22.48 0.00 1.47"#,
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    // A list leaves them out.
    let listed = scene.ask_as_staff("/orders").await.json();
    assert_eq!(listed["orders"][0].get("adjustments"), None);
}

#[tokio::test]
async fn its_guest_learns_why_it_was_cancelled_and_not_what_else_is_noted() {
    let scene = Scene::open().await;
    let orders = scene.stage.order_service().env("ORDER_STAFF_KEY", KEY).start().await;
    let placed = orders.post("/orders", &takeout().to_string()).await;
    let number = placed.json()["order_number"].as_str().unwrap().to_owned();
    let why = json!({ "reason": "No hummus (left)" }).to_string();
    let headers = [STAFF, ("Content-Type", "application/json")];
    let cancelled =
        send(orders.port(), "POST", &format!("/orders/{number}/cancel"), &headers, why.as_bytes()).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    let path = format!("/orders/{number}");
    let own = scene.ask(&path, &[("X-Order-Token", placed.header("x-order-token"))]).await.json();
    let all = scene.ask_as_staff(&path).await.json();
    for body in [&own, &all] {
        assert_eq!(body["history"][1]["reason"], "No hummus (left)");
        assert_eq!(body["history"][0].get("reason"), None);
    }
    assert_eq!(own["history"][1].get("notes"), None);
    assert_eq!(all["history"][1]["notes"], "No hummus (left)");
}

#[tokio::test]
async fn which_request_changed_it_is_not_told() {
    let scene = Scene::open().await;
    let orders = scene.stage.order_service().env("ORDER_STAFF_KEY", KEY).start().await;
    let placed = orders.post("/orders", &takeout().to_string()).await;
    let number = placed.json()["order_number"].as_str().unwrap().to_owned();
    let cancelled = send(orders.port(), "POST", &format!("/orders/{number}/cancel"), &[STAFF], b"").await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    let body = scene.ask_as_staff(&format!("/orders/{number}")).await.json();
    let step = &body["history"][1];
    assert_eq!(step["status"], "cancelled");
    assert_eq!((step.get("notes"), step.get("reason")), (None, None));
}
