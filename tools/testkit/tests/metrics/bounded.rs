//! What clients invent adds no series.

use testkit::{Stage, http};

use crate::scrape::Measured;

/// A page of another site sends it: it is refused before it is routed.
const FOREIGN: [(&str, &str); 1] = [("Sec-Fetch-Site", "cross-site")];

#[tokio::test]
async fn a_thousand_random_paths_add_no_series() {
    let stage = Stage::new().await;
    let order = Measured::start(stage.order_service()).await;
    let tracking = Measured::start(stage.tracking_service().ready_when_probed()).await;
    for measured in [&order, &tracking] {
        let port = measured.service.port();
        // One of each kind, so that the others add nothing.
        let number = "ORD_20261120_001";
        for (method, path) in [
            ("GET", "/nowhere".to_owned()),
            ("POST", "/nowhere".to_owned()),
            ("BREW", "/nowhere".to_owned()),
            ("GET", format!("/orders/{number}/status")),
            ("POST", format!("/orders/{number}/cancel")),
        ] {
            http::send(port, method, &path, &[], b"").await;
        }
        for method in ["GET", "BREW"] {
            http::send(port, method, "/openapi.json", &FOREIGN, b"").await;
        }
        let before = measured.scrape().await.series.len();
        for _ in 0..200 {
            let random = format!("{:016x}", rand::random::<u64>());
            for (method, path) in [
                ("GET", format!("/{random}")),
                ("POST", format!("/{random}/{random}")),
                ("BREW", format!("/x?{random}")),
                ("GET", format!("/orders/{number}/status?{random}")),
                ("POST", format!("/orders/{number}/cancel?{random}")),
            ] {
                http::send(port, method, &path, &[], b"").await;
            }
            for method in ["GET", "POST", "PUT", "DELETE", "BREW"] {
                http::send(port, method, &format!("/openapi.json?{random}"), &FOREIGN, b"").await;
            }
        }
        let after = measured.scrape().await;
        assert_eq!(after.series.len(), before, "{:#?}", after.series.keys());
        let counted =
            r#"http_server_request_duration_seconds_count{method="GET",route="unmatched",status="404"}"#;
        assert!(after.series[counted] >= 200.0, "{:?}", after.series.get(counted));
    }
}
