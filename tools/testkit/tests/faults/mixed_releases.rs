//! The previous release runs beside this one during an update, on the schema of this one.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use testkit::Launch;

use crate::load::Response;
use crate::restaurant::{COOKS, Restaurant};
use crate::rolling_restart::ask;
use crate::scale::either;
use crate::verdict::{closes, drill_holds};

/// The folder with the programs of the previous release. `cargo xtask drill releases` builds them
/// and sets it. They take minutes to build, so `cargo xtask test` does without: both releases are
/// this one then, and only the order of steps is tested.
const PREVIOUS_RELEASE: &str = "PREVIOUS_RELEASE";

/// An update under load: migrate, then replace service by service, each beside the previous
/// release.
#[tokio::test]
async fn drill_releases() {
    let previous = std::env::var_os(PREVIOUS_RELEASE).map(PathBuf::from);
    let beside =
        if previous.is_some() { "the previous release" } else { "this release (no other one is built)" };
    let mut restaurant = Restaurant::open_with_release(previous).await;
    let mut old_tracking = restaurant.tracking_service().start().await;
    old_tracking.until_status("/readyz", 200).await;
    let load = restaurant.load();
    let portion = either(10, 100);
    load.accepts(portion).await;
    let (done, asking) = ask(old_tracking.port());

    // The old programs go on while the tables change under them.
    let migrate = Launch::new("restaurant-ctl", restaurant.stage.environment()).arg("migrate");
    let ended = migrate.run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    load.accepts(portion).await;

    // One of each kind is new, and cooks what the other release took, and the other way round.
    restaurant.updates();
    for (place, name) in COOKS.into_iter().enumerate() {
        assert_eq!(restaurant.order_services[place].stop().await, Some(0), "order service {place}");
        restaurant.replace_order_service(place).await;
        load.accepts(portion).await;
        assert_eq!(restaurant.cooks[place].stop().await, Some(0), "{name}");
        restaurant.replace_cook(place).await;
        load.accepts(portion).await;
    }
    let mut tracking = restaurant.tracking_service().start().await;
    tracking.until_status("/readyz", 200).await;
    let (newer, asking_newer) = ask(tracking.port());
    load.accepts(portion).await;
    for (done, asking) in [(done, asking), (newer, asking_newer)] {
        done.store(true, Ordering::Relaxed);
        assert!(asking.await.unwrap() > 0, "nobody was asked");
    }

    let unhappy: Vec<_> = load
        .attempts()
        .into_iter()
        .filter(|attempt| !matches!(attempt.response, Response::Accepted(_)))
        .collect();
    // The subscriber is of the previous release to the end, and shows every change once.
    let broken = format!("{beside} ran beside this one, on its tables");
    drill_holds("releases", &broken, &mut restaurant, load).await;
    assert!(unhappy.is_empty(), "failed requests: {unhappy:?}");
    for service in [&mut old_tracking, &mut tracking] {
        assert_eq!(service.stop().await, Some(0));
    }
    closes(restaurant).await;
}
