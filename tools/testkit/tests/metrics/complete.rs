//! Each documented metric is there and moves, and none is undocumented.

use testkit::Stage;

use crate::page::{documented, shown_by};
use crate::scenes;
use crate::scrape::{Measured, Moved};

/// What stays as it is for the life of a process, or may.
const STEADY: [&str; 5] = [
    "restaurant_build_info",
    "process_max_fds",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
];

#[tokio::test]
async fn each_program_shows_what_is_documented_and_nothing_else() {
    let stage = Stage::new().await;
    let order = Measured::start(stage.order_service()).await;
    let kitchen = Measured::start(stage.kitchen_worker("chef_anna")).await;
    let tracking = Measured::start(stage.tracking_service().ready_when_probed()).await;
    let notifier = Measured::start(stage.subscriber()).await;
    let exporter = Measured::exporter(&stage).await;
    for (program, measured) in [
        ("order", &order),
        ("kitchen", &kitchen),
        ("tracking", &tracking),
        ("notifier", &notifier),
        ("exporter", &exporter),
    ] {
        assert_eq!(measured.scrape().await.names, shown_by(program), "{program}");
    }
    // Known values of labels are there before anything happened.
    let placed = r#"restaurant_orders_total{type="delivery",result="placed"}"#;
    assert_eq!(order.first().series.get(placed), Some(&0.0));
    let workers = r#"restaurant_workers{type="delivery",state="offline"}"#;
    assert_eq!(exporter.first().series.get(workers), Some(&0.0));
}

#[tokio::test]
async fn everything_that_is_documented_moves() {
    let mut moved = Moved::default();
    scenes::a_day(&mut moved).await;
    scenes::a_sold_out_item(&mut moved).await;
    scenes::a_lost_worker(&mut moved).await;
    scenes::a_misrouted_order(&mut moved).await;
    scenes::locked_tables(&mut moved).await;
    scenes::a_database_that_is_away(&mut moved).await;
    scenes::a_client_that_does_not_read(&mut moved).await;
    scenes::a_replica_that_stops(&mut moved).await;
    scenes::a_renewed_certificate(&mut moved).await;
    scenes::an_untrusted_message(&mut moved).await;
    scenes::the_whole_system(&mut moved).await;
    let still: Vec<String> = documented()
        .into_iter()
        .map(|row| row.name)
        .filter(|name| !STEADY.contains(&name.as_str()) && !moved.contains(name))
        .collect();
    assert!(still.is_empty(), "{still:?} did not move");
}
