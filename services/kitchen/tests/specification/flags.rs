//! "Flags".

use serde_json::json;
use testkit::{Launch, Stage, orders};

use crate::observe::{Tap, worker};

fn bare(stage: &Stage, arguments: &[&str]) -> Launch {
    arguments
        .iter()
        .fold(Launch::new("kitchen-worker", stage.environment()), |launch, argument| launch.arg(*argument))
}

#[tokio::test]
async fn invalid_arguments_end_with_code_2_and_a_reason() {
    let stage = Stage::new().await;
    let named = |flag| ["--worker-name=chef", flag];
    let cases: [(&[&str], &[&str]); 17] = [
        (&[], &["--worker-name", "missing"]),
        (&["--worker-name="], &["worker-name", "1 to 64"]),
        (&["--worker-name=a,b"], &["worker-name", "1 to 64", "found ','"]),
        (&["--worker-name=../etc"], &["worker-name", "1 to 64", "found '/'"]),
        (&["--worker-name=a\u{202e}b"], &["worker-name", "found U+202E"]),
        (
            &named("--order-types=dine_in,drive_in"),
            &["order-types", "'drive_in'", "dine_in, takeout, delivery"],
        ),
        (&named("--order-types="), &["order-types", "names no order type"]),
        (&named("--heartbeat-interval=0"), &["--heartbeat-interval is 0", "1 to 3600"]),
        (&named("--heartbeat-interval=3601"), &["--heartbeat-interval is 3601", "1 to 3600"]),
        (&named("--heartbeat-interval=1.5"), &["--heartbeat-interval", "1.5"]),
        (&named("--prefetch=0"), &["--prefetch is 0", "1 to 1000"]),
        (&named("--prefetch=1001"), &["--prefetch is 1001", "1 to 1000"]),
        (&named("--prefetch=-1"), &["--prefetch", "-1"]),
        (&named("--concurrency=0"), &["--concurrency is 0", "1 to 1000"]),
        (&named("--speed=9"), &["--speed"]),
        (&named("--mode=tracking-service"), &["tracking-service", "kitchen-worker"]),
        (
            &["--worker-name=chef", "--prefetch=2", "--concurrency=3"],
            &["--concurrency is 3", "--prefetch 2", "Raise --prefetch"],
        ),
    ];
    for (arguments, parts) in cases {
        let ended = bare(&stage, arguments).run_to_end().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        for part in parts {
            assert!(ended.stderr.contains(part), "{arguments:?} without '{part}': {}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn both_forms_of_every_flag_work() {
    let stage = Stage::new().await;
    let forms: [(&str, &[&str]); 2] = [
        (
            "chef_equals",
            &[
                "--mode=kitchen-worker",
                "--worker-name=chef_equals",
                "--order-types=dine_in",
                "--heartbeat-interval=7",
                "--prefetch=3",
                "--concurrency=2",
            ],
        ),
        (
            "chef_space",
            &[
                "--mode",
                "kitchen-worker",
                "--worker-name",
                "chef_space",
                "--order-types",
                "dine_in",
                "--heartbeat-interval",
                "7",
                "--prefetch",
                "3",
                "--concurrency",
                "2",
            ],
        ),
    ];
    for (name, arguments) in forms {
        let service = bare(&stage, arguments).ready_when_logged("worker_registered").start().await;
        let line = service.log("worker_registered").await;
        assert_eq!(line["details"], json!({"worker_name": name, "type": "dine_in"}));
        let interval = "select heartbeat_seconds from worker_sessions s join workers w on w.id = s.worker_id
            where w.name = ";
        assert_eq!(stage.database().await.value(&format!("{interval}'{name}'")).await, 7);
    }
}

#[tokio::test]
async fn help_names_every_flag_with_its_default() {
    let stage = Stage::new().await;
    let help = bare(&stage, &["--help"]).run_to_end().await;
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for part in [
        "--worker-name",
        "(required)",
        "--order-types",
        "default: everything",
        "--heartbeat-interval",
        "default 30",
        "--prefetch",
        "default: as --concurrency",
        "--concurrency",
        "default 1",
        "--config",
        "--healthcheck",
    ] {
        let text = help.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(part), "without '{part}': {text}");
    }
    let version = bare(&stage, &["--version"]).run_to_end().await;
    assert_eq!(version.code, Some(0));
    let start = format!("kitchen-worker {} (", env!("CARGO_PKG_VERSION"));
    assert!(version.stdout.starts_with(&start), "{version:?}");
}

#[tokio::test]
async fn the_defaults_are_those_of_the_specification() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    let updates = Tap::on_updates(&stage).await;
    for order in [orders::dine_in(), orders::takeout(), orders::delivery()] {
        orders.place(&order).await;
    }
    // One order is taken and needs 8, 10 or 12 seconds; its estimate shows which.
    let names = ["chef_1", "chef_2", "chef_3"].map(|name| format!("--worker-name={name}"));
    let [first, second, third] =
        names.each_ref().map(|name| bare(&stage, &[name]).ready_when_logged("order_processing_started"));
    let _workers = tokio::join!(first.start(), second.start(), third.start());
    let mut seconds = Vec::new();
    for _ in &names {
        let update = updates.next().await.json();
        let estimate = format!(
            "select extract(epoch from timestamptz '{}' - timestamptz '{}')::int",
            update["estimated_completion"].as_str().unwrap(),
            update["timestamp"].as_str().unwrap()
        );
        seconds.push(stage.database().await.value(&estimate).await.as_i64().unwrap());
    }
    seconds.sort_unstable();
    assert_eq!(seconds, [8, 10, 12]);
    let database = stage.database().await;
    assert_eq!(worker(&database, "chef_1").await["type"], "general");
    assert_eq!(database.value("select distinct heartbeat_seconds from worker_sessions").await, 30);
}

#[tokio::test]
async fn healthcheck_reports_whether_the_servers_and_the_worker_are_up() {
    let stage = Stage::new().await;
    let check = |name: &str| {
        let launch = bare(&stage, &["--healthcheck"]);
        if name.is_empty() { launch } else { launch.arg(format!("--worker-name={name}")) }
    };
    assert_eq!(check("").run_to_end().await.code, Some(0));

    let mut service = stage.kitchen_worker("chef_anna").arg("--heartbeat-interval=30").start().await;
    assert_eq!(check("chef_anna").run_to_end().await.code, Some(0));
    let unknown = check("chef_bob").run_to_end().await;
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("'chef_bob' has ever registered"), "{unknown:?}");
    service.stop().await;
    let offline = check("chef_anna").run_to_end().await;
    assert_eq!(offline.code, Some(1));
    assert!(offline.stderr.contains("'chef_anna' is offline"), "{offline:?}");

    let proxy = stage.postgres_proxy().await;
    proxy.cut();
    for (variable, server) in [("DB_PORT", "PostgreSQL"), ("RABBITMQ_PORT", "RabbitMQ")] {
        let away = check("").env(variable, proxy.port().to_string()).run_to_end().await;
        assert_eq!(away.code, Some(1));
        assert!(away.stderr.contains(server), "{away:?}");
    }
}
