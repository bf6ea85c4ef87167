//! The command line of a manual worker.

use testkit::Stage;

use crate::scene::manual;

#[tokio::test]
async fn flags_that_do_not_go_together_are_usage_errors() {
    let stage = Stage::new().await;
    for (launch, parts) in [
        (manual(&stage, "chef").arg("--concurrency=2"), ["--concurrency", "--manual"]),
        (stage.kitchen_worker("chef").arg("--port=0"), ["--port", "--manual"]),
        (manual(&stage, "chef").arg("--prefetch=0"), ["--prefetch is 0", "1 to 1000"]),
        (manual(&stage, "chef").arg("--port=65536"), ["--port", "65536"]),
    ] {
        let ended = launch.run_to_end().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{parts:?}: {ended:?}");
        for part in parts {
            assert!(ended.stderr.contains(part), "without '{part}': {}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_with_the_port() {
    let stage = Stage::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ended = manual(&stage, "chef").arg(format!("--port={port}")).run_to_end().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains(&port.to_string()) && ended.stdout.contains("service_failed"), "{ended:?}");
}

#[tokio::test]
async fn help_names_the_flags_with_their_defaults() {
    let stage = Stage::new().await;
    let help = manual(&stage, "chef").arg("--help").run_to_end().await;
    let text = help.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["--manual", "--port", "default 3003", "with --manual 10"] {
        assert!(text.contains(part), "without '{part}': {text}");
    }
}
