//! "Flags", and "Usage".

use testkit::{Launch, PortClaim, Stage};

use crate::records::open;

#[tokio::test]
async fn the_port_is_taken_in_both_forms() {
    let (stage, _database, _service) = open().await;
    let claim = PortClaim::of(0).unwrap();
    let port = claim.port().to_string();
    let bare = Launch::new("tracking-service", stage.environment()).ready_when_logged("service_started");
    for launch in [
        bare.clone().arg("--mode=tracking-service").arg(format!("--port={port}")),
        bare.arg("--mode").arg("tracking-service").arg("--port").arg(&port),
    ] {
        let mut service = launch.start().await;
        assert_eq!(service.port().to_string(), port);
        assert_eq!(service.get("/livez").await.status, 200);
        service.stop().await;
    }
}

#[tokio::test]
async fn help_names_every_flag_with_its_default() {
    for flag in ["--help", "-h"] {
        let ended = Launch::new("tracking-service", vec![]).arg(flag).run_to_end().await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        for part in ["--port", "3002", "--mode", "--config", "--healthcheck"] {
            assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
        }
    }
    let ended = Launch::new("tracking-service", vec![]).arg("--version").run_to_end().await;
    let start = format!("tracking-service {} (", env!("CARGO_PKG_VERSION"));
    assert_eq!((ended.code, ended.stdout.starts_with(&start)), (Some(0), true));
}

#[tokio::test]
async fn a_command_line_that_cannot_be_understood_is_exit_code_2() {
    for (argument, parts) in [
        ("--mode=order-service", ["order-service", "only 'tracking-service'"]),
        ("--port=70000", ["--port", "--help"]),
        ("--port=x", ["--port", "--help"]),
        ("--prot=1", ["--prot", "--help"]),
        ("status", ["status", "--help"]),
    ] {
        let ended = Launch::new("tracking-service", vec![]).arg(argument).run_to_end().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        for part in parts {
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn a_bad_configuration_is_exit_code_78() {
    for (name, value, part) in [
        ("DB_PORT", "five", "1 to 65535"),
        ("LOG_LEVEL", "loud", "debug, info, error"),
        ("HTTP_BIND", "everywhere", "127.0.0.1"),
        ("DB_PASSWORD_FILE", "/nowhere/secret", "/nowhere/secret"),
    ] {
        let ended = Launch::new("tracking-service", vec![(name, value.to_owned())]).run_to_end().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""), "{ended:?}");
        assert!(ended.stderr.contains(name) && ended.stderr.contains(part), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
    let ended =
        Launch::new("tracking-service", vec![]).arg("--config=/nowhere/config.yaml").run_to_end().await;
    assert_eq!(ended.code, Some(78));
    assert!(ended.stderr.contains("/nowhere/config.yaml"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_port_in_use_is_exit_code_1_and_one_clear_line() {
    let stage = Stage::new().await;
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let launch = Launch::new("tracking-service", stage.environment()).arg(format!("--port={port}"));
    let ended = launch.run_to_end().await;
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(1), 1), "{ended:?}");
    for part in [&format!("127.0.0.1:{port}"), "Another program uses this port", "--port"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
}
