//! A read replica answers guests for as long as it is close behind the primary, and never says that
//! an order does not exist.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

use std::time::Duration;

use serde_json::Value;
use testkit::database::Database;
use testkit::{PrimaryAndStandby, Proxy, Service, Stage, eventually};
use tokio::time::{Instant, sleep};

const OLD: &str = "ORD_20261120_001";
const NEW: &str = "ORD_20261120_002";

struct Scene {
    service: Service,
    /// Between the service and the primary.
    way: Proxy,
    database: Database,
    _stage: Stage,
    servers: PrimaryAndStandby,
}

impl Scene {
    /// Whose replica may be behind for this many seconds. It is in use.
    async fn open(max_lag: &str) -> Self {
        let servers = PrimaryAndStandby::start().await;
        let stage = servers.stage().await;
        stage.migrate().await;
        let database = stage.database().await;
        store(&database, OLD).await;
        servers.until_replayed().await;
        let way = stage.postgres_proxy().await;
        let service = stage
            .tracking_service()
            .ready_when_probed()
            .env("DB_PORT", way.port().to_string())
            .env("DB_READ_REPLICA", format!("127.0.0.1:{}", servers.standby.port()))
            .env("TRACKING_MAX_REPLICA_LAG", max_lag)
            .start()
            .await;
        service.log("replica_used").await;
        Self { service, way, database, _stage: stage, servers }
    }

    async fn status(&self, number: &str) -> (u16, Value) {
        let answer = self.service.get(&format!("/orders/{number}/status")).await;
        let status = if answer.status == 200 { answer.json()["current_status"].clone() } else { Value::Null };
        (answer.status, status)
    }

    async fn replica_in_health(&self) -> Value {
        self.service.get("/health").await.json()["checks"]["replica"].clone()
    }

    async fn cook(&self, number: &str) {
        self.database
            .execute(&format!("update orders set status = 'cooking' where number = '{number}'"))
            .await;
    }
}

async fn store(database: &Database, number: &str) {
    let sql = format!(
        "insert into orders (number, customer_name, type, total_amount) values ('{number}', 'Jane', 'takeout', 1)"
    );
    database.execute(&sql).await;
}

#[tokio::test]
async fn on_an_idle_primary_nothing_looks_late() {
    let scene = Scene::open("2").await;
    let idle_since = Instant::now();
    while idle_since.elapsed() < Duration::from_secs(6) {
        assert_eq!(scene.replica_in_health().await, "healthy", "after {:?}", idle_since.elapsed());
        sleep(Duration::from_millis(200)).await;
    }
    assert!(scene.service.logged("replica_left").is_empty());
}

#[tokio::test]
async fn what_is_there_needs_no_primary_and_what_is_not_asks_it() {
    let scene = Scene::open("60").await;
    eventually("the order", async || (scene.status(OLD).await.0 == 200).then_some(())).await;
    scene.way.cut();
    assert_eq!(scene.status(OLD).await, (200, "received".into()));
    assert_eq!(scene.status(NEW).await.0, 500, "nobody knows whether there is such an order");
    assert_eq!(scene.service.get("/readyz").await.status, 503);
    // Then the breaker of the primary refuses what only the primary knows.
    let path = format!("/orders/{NEW}/status");
    let refused = eventually("a refusal", async || {
        let answer = scene.service.get(&path).await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert_eq!(refused.json()["code"], "database_away");
    assert!((1..=8).contains(&refused.header("retry-after").parse::<u64>().unwrap()), "{refused:?}");
    scene.service.log("db_breaker_opened").await;
    assert_eq!(scene.status(OLD).await, (200, "received".into()), "the replica knows it");
    scene.way.mend();
    eventually("an answer of the primary", async || (scene.status(NEW).await.0 == 404).then_some(())).await;
}

#[tokio::test]
async fn without_a_replica_in_use_the_breaker_of_the_primary_refuses_all() {
    let scene = Scene::open("1").await;
    scene.way.cut();
    scene.service.log("replica_left").await;
    eventually("a refusal", async || (scene.status(OLD).await.0 == 503).then_some(())).await;
    scene.way.mend();
    eventually("an answer", async || (scene.status(OLD).await.0 == 200).then_some(())).await;
}

#[tokio::test]
async fn an_order_is_known_before_it_is_on_the_replica() {
    let scene = Scene::open("60").await;
    scene.servers.pause_replay(true).await;
    store(&scene.database, NEW).await;
    scene.cook(OLD).await;
    assert_eq!(scene.status(NEW).await, (200, "received".into()));
    let history = scene.service.get(&format!("/orders/{NEW}/history")).await;
    assert_eq!(history.status, 404, "it has none: {history:?}");
    // Within the bound an answer may be old: so it was the replica's.
    assert_eq!(scene.status(OLD).await, (200, "received".into()));
    scene.servers.pause_replay(false).await;
    eventually("the change", async || (scene.status(OLD).await.1 == "cooking").then_some(())).await;
}

#[tokio::test]
async fn beyond_the_bound_the_primary_answers() {
    let scene = Scene::open("1").await;
    scene.servers.pause_replay(true).await;
    scene.cook(OLD).await;
    scene.service.log("replica_left").await;
    assert_eq!(scene.status(OLD).await, (200, "cooking".into()));
    assert_eq!(scene.replica_in_health().await, "degraded");
    assert_eq!(scene.service.get("/readyz").await.status, 200, "the primary is there");
    scene.servers.pause_replay(false).await;
    scene.service.logs("replica_used", 2).await;
    assert_eq!(scene.status(OLD).await, (200, "cooking".into()));
}

#[tokio::test]
async fn a_standby_that_is_promoted_is_none_any_more() {
    let scene = Scene::open("60").await;
    scene.servers.promote().await;
    scene.service.log("replica_left").await;
    assert_eq!(scene.status(OLD).await, (200, "received".into()));
}
