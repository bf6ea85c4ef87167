//! `backup` and the programs that it starts.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::path::Path;

use serde_json::Value;
use testkit::orders::takeout;
use testkit::{Launch, Proxy, Signal, Stage, eventually};

const PASSWORD: &str = "a-password-that-nobody-else-has";
/// Bytes per second: a copy takes longer than a test.
const SLOW: u32 = 500_000;

/// A server of its own, because a backup copies all databases.
async fn with_tables() -> Stage {
    let stage = Stage::with_own_servers().await;
    stage.migrate().await;
    stage
}

/// The command, which finds the programs of the server's version.
fn backup(stage: &mut Stage, folder: &Path) -> Launch {
    let launch = Launch::new("restaurant-ctl", stage.environment());
    let variables = stage.own_servers().postgres.admin().search_variables();
    let launch = variables.into_iter().fold(launch, |launch, (name, value)| launch.env(name, value));
    launch.arg("backup").arg(folder.display().to_string())
}

/// Stopped by a signal, or by its own limit, it leaves nobody who writes on into the folder.
#[tokio::test]
async fn what_is_stopped_leaves_nobody_behind() {
    let mut stage = with_tables().await;
    let database = stage.database().await;
    let streams = "select count(*) from pg_stat_replication where state = 'streaming'";
    let left =
        "select (select count(*) from pg_stat_replication) + (select count(*) from pg_replication_slots)";
    for (signal, said) in [
        (Some(Signal::TERM), "was stopped"),
        (Some(Signal::INT), "was stopped"),
        (None, "took longer than 15 s"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let proxy = Proxy::to(stage.servers.postgres.port).await;
        proxy.throttle(SLOW);
        let launch = backup(&mut stage, &folder.path().join("new"));
        let launch = launch.env("DB_PORT", proxy.port().to_string());
        let launch = if signal.is_none() { launch.arg("--timeout=15") } else { launch };
        let mut running = launch.start().await;
        eventually("its log to be received", async || (database.value(streams).await == 1).then_some(()))
            .await;
        if let Some(signal) = signal {
            running.signal(signal);
        }
        let status = running.wait().await;
        let told = running.everything();
        assert_eq!(status.code(), Some(1), "{told}");
        assert!(told.contains(said) && told.contains("The folder is no backup"), "{told}");
        proxy.mend();
        eventually("its sessions to end", async || (database.value(left).await == 0).then_some(())).await;
    }
    assert_eq!(database.value("select count(*) from backups where finished_at is not null").await, 0);
}

/// The configuration names the server and how it is reached, whatever the caller's shell says.
#[tokio::test]
async fn variables_of_the_callers_shell_mean_nothing() {
    let mut stage = with_tables().await;
    let folder = tempfile::tempdir().unwrap();
    let launch = backup(&mut stage, &folder.path().join("new"))
        .env("PGHOSTADDR", "192.0.2.1")
        .env("PGSERVICE", "nowhere")
        .env("PGSERVICEFILE", "/nowhere")
        .env("PGOPTIONS", "-c no_such_setting=1")
        .env("PGSSLCERT", "/nowhere")
        .env("PGREQUIREAUTH", "none")
        .env("PGTARGETSESSIONATTRS", "standby");
    let ended = launch.run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(folder.path().join("new/manifest.json").is_file());
}

/// Before anything is copied, each right that is missing is named, and who has them.
#[tokio::test]
async fn rights_that_are_missing_are_named_at_the_start() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let (database, role) = (stage.database().await, format!("{}_weak", stage.name));
    let folder = tempfile::tempdir().unwrap();
    database.execute(&format!("create role {role} login password '{PASSWORD}'")).await;
    for (grant, lacking) in [
        (
            "select on refinery_schema_history",
            "insert on backups, replication, select on backups, select on order_counters, update on backups. ",
        ),
        ("select, insert on backups", "it lacks: replication, select on order_counters, update on backups. "),
        ("update on backups", "it lacks: replication, select on order_counters. "),
        ("select on order_counters", "it lacks: replication. "),
    ] {
        database.execute(&format!("grant {grant} to {role}")).await;
        let launch = Launch::new("restaurant-ctl", stage.environment())
            .env("DB_USER", role.clone())
            .env("DB_PASSWORD", PASSWORD)
            .arg("backup")
            .arg(folder.path().join("new").display().to_string());
        let ended = launch.run_to_end().await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(lacking), "not '{lacking}': {ended:?}");
        assert!(ended.stderr.contains("grant select, insert, update on backups"), "{ended:?}");
        assert!(!folder.path().join("new").exists());
    }
    assert_eq!(database.value("select count(*) from backups").await, 0);
    database.execute(&format!("drop owned by {role}; drop role {role}")).await;
}

/// What the doctor says of exchanges and queues, with these settings.
async fn topology(launch: Launch) -> Value {
    let doctor = launch.arg("doctor").arg("--json").arg("--order-port=0").arg("--tracking-port=0");
    let ended = doctor.run_to_end().await;
    let said: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|why| panic!("{why}: {ended:?}"));
    let checks = said["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == "topology").unwrap().clone()
}

/// Imported into an empty virtual host, they are what the services would have declared.
#[tokio::test]
async fn its_definitions_make_all_exchanges_and_queues() {
    let mut stage = with_tables().await;
    let admin = stage.servers.rabbitmq_admin();
    let folder = tempfile::tempdir().unwrap();
    for queue_type in ["classic", "quorum"] {
        let configured =
            |launch: Launch| launch.env("INTAKE_ENABLED", "true").env("RABBITMQ_QUEUE_TYPE", queue_type);
        admin.delete_vhost(&stage.name).await.unwrap();
        admin.create_vhost(&stage.name).await.unwrap();
        let place = folder.path().join(queue_type);
        let ended = configured(backup(&mut stage, &place)).run_to_end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let definitions = std::fs::read_to_string(place.join("rabbitmq-definitions.json")).unwrap();
        // What `rabbitmqctl import_definitions` does, without its command line.
        let answer = admin.request("POST", "/api/definitions", Some(&definitions)).await.unwrap();
        assert!((200..300).contains(&answer.status), "{queue_type}: {answer:?}");

        let found = topology(configured(Launch::new("restaurant-ctl", stage.environment()))).await;
        assert_eq!(found["outcome"], "ok", "{queue_type}: {found}");
        let all = "16 exchanges and queues are as they should be, 0 will be declared";
        assert_eq!(found["found"], all, "{queue_type}");

        let mut orders = configured(stage.order_service()).start().await;
        let mut cook = configured(stage.kitchen_worker("chef_anna")).start().await;
        let mut subscriber = configured(stage.subscriber()).start().await;
        orders.place(&takeout()).await;
        subscriber.notification("to 'ready'").await;
        for service in [&mut orders, &mut cook, &mut subscriber] {
            assert_eq!(service.stop().await, Some(0), "{queue_type}");
        }
    }
}
