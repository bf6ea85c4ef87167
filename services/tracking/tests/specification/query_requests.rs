//! `GET /order_status/{order_id}`: what became of an order that came as a message.

use serde_json::{Value, json};

use crate::records::open;

const ID: &str = "019ab6ce-5d80-7c3e-8f12-3456789abcde";

#[tokio::test]
async fn a_request_is_shown_as_it_stands_now() {
    let (_stage, database, service) = open().await;
    let path = format!("/order_status/{ID}");
    database
        .execute(&format!(
            "insert into order_requests (order_id, fingerprint, request_id, status, order_number, total_amount,
                                         created_at, updated_at)
             values ('{ID}', '', 'r', 'PROCESSING', 'ORD_20241216_001', 25.50, now(), '2024-12-16 10:32:00Z')"
        ))
        .await;
    let answer = service.get(&path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.body,
        format!(
            r#"{{"order_id":"{ID}","status":"PROCESSING","order_number":"ORD_20241216_001","total_amount":25.50,"code":null,"reason":null,"errors":null,"items":null,"updated_at":"2024-12-16T10:32:00.000Z"}}"#
        )
    );
    database
        .execute(
            "update order_requests set status = 'FAILED', code = 'out_of_stock', reason = 'Sold out.', order_number = null,
                                       total_amount = null, items = '[{\"item_id\": \"pho-bo\", \"left\": 0}]'",
        )
        .await;
    let now = service.get(&path.to_uppercase().replace("/ORDER_STATUS", "/order_status")).await.json();
    assert_eq!(
        [&now["status"], &now["code"], &now["order_number"]],
        [&json!("FAILED"), &json!("out_of_stock"), &Value::Null]
    );
    assert_eq!(now["items"], json!([{"item_id": "pho-bo", "left": 0}]));
}

#[tokio::test]
async fn an_unknown_request_is_a_404_that_says_so() {
    let (_stage, _database, service) = open().await;
    for id in [ID, "7", "pho-bo", "%00"] {
        let answer = service.get(&format!("/order_status/{id}")).await;
        assert_eq!(answer.status, 404, "{id}: {answer:?}");
    }
    let detail = service.get(&format!("/order_status/{ID}")).await.json()["detail"].clone();
    assert_eq!(detail, format!("There is no request {ID}: no message with this order_id was taken."));
    let detail = service.get("/order_status/pho-bo").await.json()["detail"].clone();
    assert_eq!(detail, format!("There is no request pho-bo: an order_id must be a UUID such as {ID}."));
}
