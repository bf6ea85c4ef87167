//! The previous release runs beside this one during an update, on the schema of this one.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use testkit::{Launch, Stage};

use crate::load::{Load, Response};
use crate::restaurant::{COOKS, Restaurant};
use crate::rolling_restart::{STAFF_KEY, ask};
use crate::scale::either;
use crate::verdict::{closes, drill_holds, placed_so_far, shows_later_orders};

/// The folder with the programs of the previous release. `cargo xtask drill releases` builds them
/// and sets it. They take minutes to build, so `cargo xtask test` does without: both releases are
/// this one then, and only the order of steps is tested.
const PREVIOUS_RELEASE: &str = "PREVIOUS_RELEASE";

/// Of the tracking service's two roles.
const PASSWORD: &str = "a-password-for-tests";

/// An update under load: migrate, then replace service by service, each beside the previous
/// release.
#[tokio::test]
async fn drill_releases() {
    let previous = std::env::var_os(PREVIOUS_RELEASE).map(PathBuf::from);
    let beside =
        if previous.is_some() { "the previous release" } else { "this release (no other one is built)" };
    let mut restaurant = Restaurant::open_with_release(previous).await;
    let role = format!("{}_tracking", restaurant.stage.name);
    let make = format!(
        "create role {role} login password '{PASSWORD}'; grant select on all tables in schema public to {role}"
    );
    restaurant.stage.database().await.execute(&make).await;
    let mut old_tracking = under_role(restaurant.tracking_service(), &role).start().await;
    old_tracking.until_status("/readyz", 200).await;
    let load = restaurant.load();
    let portion = either(10, 100);
    load.accepts(portion).await;
    let (done, asking) = ask(old_tracking.port(), questions(&load));

    // The old programs go on while the tables change under them, and keep their rights.
    migrate(&restaurant.stage, &["--roles", "--keep"]).await;
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
    let tracking = under_role(restaurant.tracking_service(), &role)
        .env("DB_STAFF_USER", format!("{role}_staff"))
        .env("DB_STAFF_PASSWORD", PASSWORD);
    let mut tracking = tracking.start().await;
    tracking.until_status("/readyz", 200).await;
    let (newer, asking_newer) = ask(tracking.port(), questions(&load));
    // The last of the four. The previous one goes on beside it.
    let mut subscriber = restaurant.subscriber().start().await;
    let placed_before = placed_so_far(&restaurant.stage.database().await).await;
    load.accepts(portion).await;
    done.store(true, Ordering::Relaxed);
    assert!(asking.await.unwrap() > 0, "nobody was asked");
    assert_eq!(old_tracking.stop().await, Some(0));
    // The update is complete: what only the previous release needed goes.
    migrate(&restaurant.stage, &["--roles"]).await;
    load.accepts(portion).await;
    newer.store(true, Ordering::Relaxed);
    assert!(asking_newer.await.unwrap() > 0, "nobody was asked");

    let unhappy: Vec<_> = load
        .attempts()
        .into_iter()
        .filter(|attempt| !matches!(attempt.response, Response::Accepted(_)))
        .collect();
    // One subscriber is of the previous release to the end, and shows every change once.
    let broken = format!("{beside} ran beside this one, on its tables");
    drill_holds("releases", &broken, &mut restaurant, load).await;
    assert!(unhappy.is_empty(), "failed requests: {unhappy:?}");
    let database = restaurant.stage.database().await;
    shows_later_orders(&broken, &subscriber, &database, &placed_before).await;
    assert_eq!(subscriber.stop().await, Some(0));
    assert_eq!(tracking.stop().await, Some(0));
    for user in ["order", "kitchen", "tracking", "tracking_staff", "exporter"] {
        let role = format!("{}_{user}", restaurant.stage.name);
        database.execute(&format!("drop owned by {role}; drop role {role}")).await;
    }
    closes(restaurant).await;
}

fn under_role(tracking: Launch, role: &str) -> Launch {
    tracking.env("DB_USER", role).env("DB_PASSWORD", PASSWORD).env("ORDER_STAFF_KEY", STAFF_KEY)
}

/// What guests and the staff ask.
fn questions(load: &Load) -> Vec<String> {
    let attempts = load.attempts();
    let number = attempts.iter().find_map(|attempt| match &attempt.response {
        Response::Accepted(number) => Some(number),
        _ => None,
    });
    let number = number.expect("an accepted order");
    let of_order = ["status", "history", "estimate"].map(|what| format!("/orders/{number}/{what}"));
    let of_staff = ["/orders", "/kitchen/tickets", "/staff/figures", "/workers/status"];
    of_order.into_iter().chain(of_staff.map(str::to_owned)).collect()
}

async fn migrate(stage: &Stage, flags: &[&str]) {
    let mut migrate = Launch::new("restaurant-ctl", stage.environment()).arg("migrate");
    for flag in flags {
        migrate = migrate.arg(*flag);
    }
    for variable in ["TRACKING_DB_PASSWORD", "TRACKING_STAFF_DB_PASSWORD"] {
        migrate = migrate.env(variable, PASSWORD);
    }
    let ended = migrate.run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
