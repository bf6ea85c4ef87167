//! "Flags", and the additional ones: `--from`, `--config`, `--healthcheck`.

use testkit::{Launch, Stage};

fn bare() -> Launch {
    Launch::new("notification-subscriber", vec![])
}

#[tokio::test]
async fn help_names_every_flag() {
    for flag in ["--help", "-h"] {
        let ended = bare().arg(flag).run_to_end().await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        for part in ["--mode", "--from", "next", "first", "1h", "--config", "--healthcheck"] {
            assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
        }
    }
    let ended = bare().arg("--version").run_to_end().await;
    let start = format!("notification-subscriber {} (", env!("CARGO_PKG_VERSION"));
    assert_eq!((ended.code, ended.stdout.starts_with(&start)), (Some(0), true));
    // An answer that cannot be written is a failure.
    assert_eq!(bare().arg("--version").run_to_end_on_full_disk().await.code, Some(1));
}

#[tokio::test]
async fn the_mode_is_taken_in_both_forms() {
    let stage = Stage::new().await;
    for launch in [
        stage.subscriber().arg("--mode=notification-subscriber"),
        stage.subscriber().arg("--mode").arg("notification-subscriber"),
    ] {
        assert_eq!(launch.start().await.stop().await, Some(0));
    }
}

#[tokio::test]
async fn a_command_line_that_cannot_be_understood_is_exit_code_2() {
    for (argument, part) in [
        ("--mode=kitchen-worker", "only 'notification-subscriber'"),
        ("--from=yesterday", "allowed: next, first, or a time back such as 90s, 30m, 1h, 2d"),
        ("--from=", "--from"),
        ("--port=1", "--port"),
        ("watch", "watch"),
    ] {
        let ended = bare().arg(argument).run_to_end().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_bad_configuration_is_exit_code_78() {
    let ended = bare().env("RABBITMQ_PORT", "tcp://10.0.0.1:5672").run_to_end().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""), "{ended:?}");
    for part in ["RABBITMQ_PORT", "1 to 65535"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn healthcheck_exits_0_only_if_the_broker_lets_it_in() {
    let stage = Stage::new().await;
    let check = Launch::new("notification-subscriber", stage.environment()).arg("--healthcheck");
    let healthy = check.run_to_end().await;
    assert_eq!((healthy.code, healthy.stdout.as_str(), healthy.stderr.as_str()), (Some(0), "", ""));
    let refused = check.clone().env("RABBITMQ_VHOST", "nowhere").run_to_end().await;
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert!(refused.stderr.contains("vhost nowhere not found"), "{}", refused.stderr);
}
