//! Names and addresses are read under a role of their own, and only where somebody can be staff.

use testkit::http::send;
use testkit::orders::delivery;
use testkit::{Launch, Service, Stage, eventually};
use tokio::task::JoinSet;

use crate::scene::{KEY, STAFF};

const PASSWORD: &str = "a-password-that-nobody-else-has";
const ROLES: [&str; 5] = ["order", "kitchen", "tracking", "tracking_staff", "exporter"];

/// A tracking service under its two roles.
async fn tracking(stage: &Stage, staff_key: &str) -> Service {
    launch(stage, staff_key).await.start().await
}

/// How it is started.
async fn launch(stage: &Stage, staff_key: &str) -> Launch {
    let roles = Launch::new("restaurant-ctl", stage.environment()).arg("migrate").arg("--roles");
    let roles = roles.env("TRACKING_DB_PASSWORD", PASSWORD).env("TRACKING_STAFF_DB_PASSWORD", PASSWORD);
    assert_eq!(roles.run_to_end().await.code, Some(0));
    let launch = stage
        .tracking_service()
        .env("DB_USER", format!("{}_tracking", stage.name))
        .env("DB_PASSWORD", PASSWORD)
        .env("DB_STAFF_USER", format!("{}_tracking_staff", stage.name))
        .env("DB_STAFF_PASSWORD", PASSWORD)
        .env("ORDER_STAFF_KEY", staff_key);
    launch.ready_when_probed()
}

/// Places an order, and returns its path with the token of its guest.
async fn placed(stage: &Stage) -> (String, String) {
    let orders = stage.order_service().start().await;
    let answer = orders.post("/orders", &delivery().to_string()).await;
    let number = answer.json()["order_number"].as_str().unwrap().to_owned();
    (format!("/orders/{number}"), answer.header("x-order-token").to_owned())
}

async fn sessions_of_staff(stage: &Stage) -> i64 {
    let sql =
        format!("select count(*) from pg_stat_activity where usename = '{}_tracking_staff'", stage.name);
    stage.database().await.value(&sql).await.as_i64().unwrap()
}

async fn drop_roles(stage: &Stage) {
    let database = stage.database().await;
    for role in ROLES {
        let name = format!("{}_{role}", stage.name);
        database.execute(&format!("drop owned by {name}; drop role {name}")).await;
    }
}

#[tokio::test]
async fn the_staff_and_the_guest_see_names_under_the_second_role() {
    let stage = Stage::new().await;
    let mut service = tracking(&stage, KEY).await;
    let (path, token) = placed(&stage).await;
    assert_eq!(sessions_of_staff(&stage).await, 0, "nobody has asked for a name yet");
    let status = send(service.port(), "GET", &format!("{path}/status"), &[], b"").await;
    assert_eq!((status.status, sessions_of_staff(&stage).await), (200, 0));

    let own = send(service.port(), "GET", &path, &[("X-Order-Token", &token)], b"").await.json();
    let list = send(service.port(), "GET", "/orders", &[STAFF], b"").await.json();
    let tickets = send(service.port(), "GET", "/kitchen/tickets", &[STAFF], b"").await.json();
    let (name, address) = (&delivery()["customer_name"], &delivery()["delivery_address"]);
    for shown in [&own, &list["orders"][0]] {
        assert_eq!((&shown["customer_name"], &shown["delivery_address"]), (name, address));
    }
    assert_eq!(&tickets["tickets"][0]["customer_name"], name);
    assert!((1..=3).contains(&sessions_of_staff(&stage).await));
    assert_eq!(service.stop().await, Some(0));
    drop_roles(&stage).await;
}

#[tokio::test]
async fn without_a_staff_key_nothing_logs_in_as_the_second_role() {
    let stage = Stage::new().await;
    let mut service = tracking(&stage, "").await;
    let (path, token) = placed(&stage).await;
    let own = send(service.port(), "GET", &path, &[("X-Order-Token", &token)], b"").await;
    assert_eq!(own.status, 200, "{own:?}");
    let own = own.json();
    assert_eq!(own["items"].as_array().unwrap().len(), delivery()["items"].as_array().unwrap().len());
    assert_eq!(own.get("customer_name"), None, "{own}");
    assert!(own["delivery_address"].is_null(), "{own}");
    for path in ["/orders", "/kitchen/tickets"] {
        let refused = send(service.port(), "GET", path, &[STAFF], b"").await;
        assert!([401, 403].contains(&refused.status), "{path}: {refused:?}");
    }
    assert_eq!(sessions_of_staff(&stage).await, 0);
    assert_eq!(service.stop().await, Some(0));
    drop_roles(&stage).await;
}

#[tokio::test]
async fn while_the_database_is_away_the_staff_is_refused_at_once() {
    let stage = Stage::new().await;
    let proxy = stage.postgres_proxy().await;
    let launch = launch(&stage, KEY).await.env("DB_PORT", proxy.port().to_string());
    let mut service = launch.start().await;
    let port = service.port();
    let tickets = async || send(port, "GET", "/kitchen/tickets", &[STAFF], b"").await;
    assert_eq!(tickets().await.status, 200);

    // Nobody else asks.
    proxy.cut();
    let refused = eventually("a refusal", async || {
        let answer = tickets().await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert_eq!(refused.json()["code"], "database_away");
    assert!((1..=8).contains(&refused.header("retry-after").parse::<u64>().unwrap()), "{refused:?}");
    service.log("db_breaker_opened").await;

    proxy.mend();
    eventually("the tickets", async || (tickets().await.status == 200).then_some(())).await;
    service.log("db_breaker_closed").await;
    assert_eq!(service.stop().await, Some(0));
    drop_roles(&stage).await;
}

#[tokio::test]
async fn connections_of_the_staff_that_are_all_in_use_shut_out_no_guest() {
    let stage = Stage::new().await;
    let mut service = tracking(&stage, KEY).await;
    let locking = stage.database().await;
    locking.execute("begin; lock table orders in access exclusive mode").await;
    let port = service.port();
    // One more than the staff has connections.
    let mut asking: JoinSet<_> =
        (0..4).map(|_| async move { send(port, "GET", "/orders", &[STAFF], b"").await }).collect();
    let busy = asking.join_next().await.unwrap().unwrap();
    assert_eq!((busy.status, &busy.json()["code"]), (503, &"connections_in_use".into()), "{busy:?}");
    assert_eq!(busy.header("retry-after"), "2");
    let workers = send(port, "GET", "/workers/status", &[], b"").await;
    assert_eq!(workers.status, 200, "{workers:?}");
    assert!(service.logged("db_breaker_opened").is_empty());
    locking.execute("rollback").await;
    for list in asking.join_all().await {
        assert_eq!(list.status, 200, "{list:?}");
    }
    assert_eq!(service.stop().await, Some(0));
    drop_roles(&stage).await;
}
