//! "Flags": both forms, defaults, limits, and the exit codes of mistakes.

use testkit::orders::takeout;
use testkit::{Launch, Stage};

fn order_service(arguments: &[&str]) -> Launch {
    arguments.iter().fold(Launch::new("order-service", Vec::new()), |launch, argument| launch.arg(*argument))
}

#[tokio::test]
async fn help_tells_every_flag_and_its_default() {
    for form in ["--help", "-h"] {
        let ended = order_service(&[form]).run_to_end().await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        let help = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "Usage: order-service",
            "--port HTTP port of the API (default 3000;",
            "--max-concurrent most orders in work at once, 1 to 10000 (default 50);",
            "--mode",
            "--config configuration file (default ./config.yaml)",
            "--healthcheck",
        ] {
            assert!(help.contains(part), "no {part:?} in {help}");
        }
    }
}

#[tokio::test]
async fn version_is_told() {
    let ended = order_service(&["--version"]).run_to_end().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let start = format!("order-service {} (", env!("CARGO_PKG_VERSION"));
    let revision = ended.stdout.strip_prefix(&start).and_then(|rest| rest.strip_suffix(')'));
    assert!(revision.is_some_and(|revision| revision.len() >= 7), "{ended:?}");
}

#[tokio::test]
async fn both_forms_of_a_flag_work() {
    let stage = Stage::new().await;
    let launch = |arguments: &[&str]| {
        let launch = Launch::new("order-service", stage.environment()).ready_when_logged("service_started");
        arguments.iter().fold(launch, |launch, argument| launch.arg(*argument))
    };
    for arguments in [
        &["--mode=order-service", "--port=0", "--max-concurrent=7"][..],
        &["--mode", "order-service", "--port", "0", "--max-concurrent", "7"],
        &["--max-concurrent", "7", "--port=0"],
    ] {
        let service = launch(arguments).start().await;
        assert_eq!(service.log("service_started").await["details"]["max_concurrent"], 7);
    }
}

#[tokio::test]
async fn a_mistake_on_the_command_line_is_exit_code_2_and_names_the_flag() {
    for (arguments, part) in [
        (&["--port=70000"][..], "'--port' with value '70000'"),
        (&["--port=-1"], "'--port' with value '-1'"),
        (&["--port", "http"], "'--port' with value 'http'"),
        (&["--port"], "'--port'"),
        (&["--port="], "'--port'"),
        (&["--max-concurrent=0"], "--max-concurrent is 0 (allowed: 1 to 10000)"),
        (&["--max-concurrent=10001"], "--max-concurrent is 10001 (allowed: 1 to 10000)"),
        (&["--max-concurrent=many"], "'--max-concurrent' with value 'many'"),
        (&["--prot=1"], "--prot"),
        (&["start"], "start"),
        (
            &["--mode=kitchen-worker"],
            "--mode is 'kitchen-worker', but this program is only 'order-service'. Run 'restaurant-system --mode=kitchen-worker' instead.",
        ),
    ] {
        let ended = order_service(arguments).run_to_end().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.starts_with("order-service: ") && ended.stderr.contains(part), "{ended:?}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_exit_code_1_and_says_what_to_do() {
    let stage = Stage::new().await;
    let first = stage.order_service().start().await;
    let port = first.port();
    let second = Launch::new("order-service", stage.environment()).arg(format!("--port={port}"));
    let ended = second.run_to_end().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 1, "{ended:?}");
    let expected = format!(
        "cannot listen on 127.0.0.1:{port}: Address already in use (os error 98). \
         Another program uses this port: stop it, or choose another with --port"
    );
    assert!(lines[0].contains("\"action\":\"service_failed\"") && lines[0].contains(&expected), "{ended:?}");
    first.place(&takeout()).await;
}

#[tokio::test]
async fn healthcheck_asks_the_running_service() {
    let stage = Stage::new().await;
    let proxy = stage.rabbitmq_proxy().await;
    let service = stage.order_service().env("RABBITMQ_PORT", proxy.port().to_string()).start().await;
    let port = format!("--port={}", service.port());
    let check = order_service(&["--healthcheck", &port]);
    let healthy = check.run_to_end().await;
    assert_eq!((healthy.code, healthy.stdout + &healthy.stderr), (Some(0), String::new()));

    proxy.cut();
    service.until_status("/readyz", 503).await;
    let unhealthy = check.run_to_end().await;
    assert_eq!(unhealthy.code, Some(1));
    assert!(
        unhealthy.stderr.contains("is not ready") && unhealthy.stderr.contains("\"rabbitmq\":\"unhealthy\""),
        "{unhealthy:?}"
    );

    drop(service);
    let gone = check.run_to_end().await;
    assert_eq!(gone.code, Some(1));
    assert!(gone.stderr.contains("no service answers"), "{gone:?}");
}
