//! "Send Response", and the body that the specification shows for it.

use testkit::{Stage, orders};

#[tokio::test]
async fn a_success_is_exactly_the_body_of_the_specification() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let answer = service.post("/orders", &orders::takeout().to_string()).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let day = stage
        .database()
        .await
        .value("select to_char(created_at at time zone 'utc', 'YYYYMMDD') from orders")
        .await;
    let day = day.as_str().unwrap();
    assert_eq!(
        answer.body,
        format!(r#"{{"order_number":"ORD_{day}_001","status":"received","total_amount":24.98}}"#)
    );
}
