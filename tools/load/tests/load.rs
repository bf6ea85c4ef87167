//! `restaurant-load`: its measurements, and its check afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Launch, Service, Signal, Stage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn load(stage: &Stage, orders: &Service, tracking: &Service) -> Launch {
    Launch::new("restaurant-load", stage.environment())
        .arg(format!("--url=http://127.0.0.1:{}", orders.port()))
        .arg(format!("--tracking=http://127.0.0.1:{}", tracking.port()))
        .arg("--connections=4")
        .arg("--warmup=0.2")
        .arg("--duration=4")
}

#[tokio::test]
async fn every_acknowledged_order_is_found_afterwards() {
    let stage = Stage::new().await;
    let (orders, tracking) = (stage.order_service().start().await, stage.tracking_service().start().await);
    tracking.until_status("/readyz", 200).await;
    for rate in [None, Some("--rate=50")] {
        let launch = load(&stage, &orders, &tracking).arg("--json");
        let ended = rate.into_iter().fold(launch, Launch::arg).run_to_end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let results: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert!(results["accepted"].as_u64().unwrap() > 0, "{results}");
        let audit = &results["audit"];
        assert!(audit["acknowledged"].as_u64() >= results["accepted"].as_u64(), "{results}");
        assert_eq!((&audit["found"], &audit["lost"]), (&audit["acknowledged"], &0.into()), "{results}");
        if rate.is_some() {
            // 50 a second for 4.2 s, and not one more.
            assert!(audit["acknowledged"].as_u64().unwrap() <= 210, "{results}");
        }
        let latency = &results["latency_ms"];
        assert!(latency["p50"].as_f64().unwrap() > 0.0 && latency["max"].as_f64() >= latency["p99"].as_f64());
    }
}

#[tokio::test]
async fn statuses_are_read_instead() {
    let stage = Stage::new().await;
    let (orders, tracking) = (stage.order_service().start().await, stage.tracking_service().start().await);
    tracking.until_status("/readyz", 200).await;
    let body = r#"{"customer_name": "Ada", "order_type": "takeout", "items": [{"name": "Soup", "quantity": 1, "price": 5}]}"#;
    let placed = orders.post("/orders", body).await.json();
    let first = placed["order_number"].as_str().unwrap();
    let ask = async |range: String| {
        let launch = load(&stage, &orders, &tracking).arg("--json").arg(format!("--statuses={range}"));
        let ended = launch.run_to_end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str::<Value>(&ended.stdout).unwrap()
    };
    let results = ask(format!("{first}..1")).await;
    assert!(results["accepted"].as_u64().unwrap() > 0, "{results}");
    assert_eq!((&results["refused"], &results["audit"]), (&json!({}), &Value::Null), "{results}");
    // Half of these do not exist.
    let results = ask(format!("{first}..2")).await;
    assert!(results["accepted"].as_u64().unwrap() > 0, "{results}");
    assert!(results["refused"]["404"].as_u64().unwrap() > 0, "{results}");
    let ended = load(&stage, &orders, &tracking).arg("--statuses=yesterday").run_to_end().await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("such as ORD_20261121_001..5000"), "{ended:?}");
}

#[tokio::test]
async fn orders_that_do_not_exist_afterwards_are_an_error() {
    let (stage, elsewhere) = (Stage::new().await, Stage::new().await);
    elsewhere.migrate().await;
    let (orders, tracking) =
        (stage.order_service().start().await, elsewhere.tracking_service().start().await);
    tracking.until_status("/readyz", 200).await;
    let ended = load(&stage, &orders, &tracking).run_to_end().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains(" 0 found"), "{ended:?}");
    assert!(ended.stderr.contains("missing"), "{ended:?}");
}

#[tokio::test]
async fn no_request_is_sent_if_an_address_is_wrong() {
    let stage = Stage::new().await;
    let (orders, tracking) = (stage.order_service().start().await, stage.tracking_service().start().await);
    tracking.until_status("/readyz", 200).await;
    let stranger = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nothing = format!("127.0.0.1:{}", stranger.local_addr().unwrap().port());
    let serving = tokio::spawn(serve(stranger, "cashier", Some((Duration::ZERO, "404 Not Found"))));
    let load = || load(&stage, &orders, &tracking);
    let at = |service: &Service| format!("127.0.0.1:{}", service.port());
    let (here, there) = (at(&orders), at(&tracking));
    let statuses = "--statuses=ORD_20261121_001..5";
    for (launch, complaint) in [
        (
            load().arg(format!("--tracking=http://{here}")),
            format!("{here} is the order service, not the tracking service; give its address by --tracking"),
        ),
        (
            load().arg(format!("--tracking=http://{here}")).arg(statuses),
            format!("{here} is the order service, not the tracking service; give its address by --tracking"),
        ),
        (
            load().arg(format!("--url=http://{there}")),
            format!("{there} is the tracking service, not the order service; give its address by --url"),
        ),
        (
            load().arg("--tracking=http://127.0.0.1:9"),
            "no tracking service answers at 127.0.0.1:9".to_owned(),
        ),
        (load().arg("--url=http://127.0.0.1:9"), "no order service answers at 127.0.0.1:9".to_owned()),
        (
            load().arg(format!("--url=http://{nothing}")),
            format!("what answers at {nothing} is not the order service"),
        ),
    ] {
        let ended = launch.run_to_end().await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.starts_with(&complaint), "{complaint}: {ended:?}");
        assert_eq!(ended.stdout, "", "nobody was loaded");
    }
    serving.abort();
    // A service that gets no requests need not exist.
    let ended = load().arg("--tracking=http://127.0.0.1:9").arg("--no-audit").run_to_end().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
}

/// Answers `/health` under this name. Answers everything else after this time with this status, or
/// never.
async fn serve(listener: TcpListener, name: &'static str, answer: Option<(Duration, &'static str)>) {
    loop {
        let (mut guest, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut request = [0; 4_096];
            while let Ok(count @ 1..) = guest.read(&mut request).await {
                let (status, body) = if request[..count].starts_with(b"GET /health ") {
                    ("503 Service Unavailable", json!({"service": name}).to_string())
                } else {
                    let Some((time, status)) = answer else { return std::future::pending().await };
                    tokio::time::sleep(time).await;
                    (status, String::new())
                };
                let length = body.len();
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
                guest.write_all(answer.as_bytes()).await.unwrap();
            }
        });
    }
}

/// Reads statuses, 10 a second on a single connection, for four seconds without warm-up.
fn overload(listener: &TcpListener) -> Launch {
    Launch::new("restaurant-load", Vec::new())
        .arg("--statuses=ORD_20261121_001..5")
        .arg(format!("--tracking=http://{}", listener.local_addr().unwrap()))
        .arg("--connections=1")
        .arg("--rate=10")
        .arg("--warmup=0")
        .arg("--duration=4")
        .arg("--json")
}

#[tokio::test]
async fn answers_after_the_end_are_measured_but_do_not_make_the_system_faster() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let launch = overload(&listener);
    let slow = Some((Duration::from_millis(200), "200 OK"));
    let serving = tokio::spawn(serve(listener, "tracking-service", slow));
    let ended = launch.run_to_end().await;
    serving.abort();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let results: Value = serde_json::from_str(&ended.stdout).unwrap();
    let accepted = results["accepted"].as_u64().unwrap();
    assert!((1..=20).contains(&accepted), "five fit into a second: {results}");
    assert_eq!(results["unanswered"], 0, "{results}");
    // The last of 40 is due after 3.9 s, and answered after 8 s.
    assert!(results["latency_ms"]["max"].as_f64().unwrap() > 3_900.0, "{results}");
}

#[tokio::test]
async fn unanswered_requests_are_counted_and_do_not_delay_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let launch = overload(&listener).arg("--rate=20").arg("--warmup=0.5").arg("--duration=1.5");
    let start = Instant::now();
    let serving = tokio::spawn(serve(listener, "tracking-service", None));
    let ended = launch.run_to_end().await;
    serving.abort();
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("answered no request with 200"), "{ended:?}");
    let results: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(results["unanswered"], 30, "{results}");
    assert_eq!(results["outside_time_measured"]["unanswered"], 10, "{results}");
    assert!(results["first_reason"].as_str().unwrap().contains("until 10 s after the end"), "{results}");
    assert_eq!(results["accepted_by_second"], json!([0, 0]), "{results}");
}

#[tokio::test]
async fn a_load_without_a_successful_response_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (launch, address) = (overload(&listener), listener.local_addr().unwrap());
    let full = Some((Duration::ZERO, "503 Service Unavailable"));
    let serving = tokio::spawn(serve(listener, "tracking-service", full));
    let ended = launch.run_to_end().await;
    serving.abort();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let what = format!("the tracking service at {address} answered no request with 200");
    assert!(ended.stderr.starts_with(&what) && ended.stderr.contains("3002 by default"), "{ended:?}");
    let results: Value = serde_json::from_str(&ended.stdout).unwrap();
    // A response counts when it arrives; the last may arrive a moment after the end.
    let refused = |part: &Value| part["refused"]["503"].as_u64().unwrap_or(0);
    assert_eq!(refused(&results) + refused(&results["outside_time_measured"]), 40, "{results}");
}

#[tokio::test]
async fn the_report_is_a_self_contained_page() {
    let stage = Stage::new().await;
    let (orders, tracking) = (stage.order_service().start().await, stage.tracking_service().start().await);
    tracking.until_status("/readyz", 200).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("load.html");
    let ended =
        load(&stage, &orders, &tracking).arg(format!("--report={}", path.display())).run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let page = std::fs::read_to_string(path).unwrap();
    let heading = format!("<h1>Load of the order service at 127.0.0.1:{}, 20", orders.port());
    assert!(page.contains(&heading), "{page}");
    assert!(page.matches("<polyline").count() == 2 && page.contains("p99.9"), "{page}");
    assert!(!page.contains("http://") && !page.contains("src="), "it loads nothing: {page}");
}

#[tokio::test]
async fn an_interruption_prints_the_figures_so_far() {
    let stage = Stage::new().await;
    let (orders, tracking) = (stage.order_service().start().await, stage.tracking_service().start().await);
    tracking.until_status("/readyz", 200).await;
    let interrupted = async |launch: Launch| {
        let mut running = launch.arg("--duration=60").start().await;
        // More than there are connections: some of them have been answered.
        orders.logs("order_received", orders.logged("order_received").len() + 10).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        running.signal(Signal::INT);
        let code = running.wait().await.code();
        (code, running.raw_lines().join("\n"), running.errors().join("\n"))
    };
    let (code, stdout, stderr) =
        interrupted(load(&stage, &orders, &tracking).arg("--warmup=0").arg("--json")).await;
    let results: Value = serde_json::from_str(&stdout).unwrap();
    let number = |name: &str| results[name].as_f64().unwrap();
    let seconds = number("seconds");
    assert!((1.0..50.0).contains(&seconds) && results["interrupted"] == true, "{results}");
    assert!((number("per_second") - number("accepted") / seconds).abs() < 0.01, "{results}");
    assert!(number("accepted") > 0.0, "{results}");
    let by_second = results["accepted_by_second"].as_array().unwrap().len();
    assert!(by_second < 60, "{results}");
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.starts_with("interrupted after ") && stderr.contains("shorter time"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    // During the warm-up, nothing is measured.
    let (code, stdout, _) = interrupted(load(&stage, &orders, &tracking).arg("--warmup=60")).await;
    assert_eq!(code, Some(1));
    assert!(
        stdout.contains("interrupted after 0.0 s of 60") && stdout.contains("0 of 200, 0.0/s"),
        "{stdout}"
    );
}

/// The exit code and the errors of a load whose standard output is redirected.
fn printing_to(stdout: impl Into<Stdio>, address: SocketAddr, arguments: &[String]) -> (Option<i32>, String) {
    let ended = Command::new(env!("CARGO_BIN_EXE_restaurant-load"))
        .args(["--statuses=ORD_20261121_001..5", "--connections=1", "--warmup=0", "--duration=2"])
        .arg(format!("--tracking=http://{address}"))
        .args(arguments)
        .stdout(stdout)
        .output()
        .unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_is_written_even_if_the_results_cannot_be_printed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(serve(listener, "tracking-service", Some((Duration::ZERO, "200 OK"))));
    let folder = tempfile::tempdir().unwrap();
    for (index, format) in [&["--json".to_owned()][..], &[]].into_iter().enumerate() {
        for is_full in [true, false] {
            let path = folder.path().join(format!("{index}{is_full}.html"));
            let arguments = [format, &[format!("--report={}", path.display())]].concat();
            if is_full {
                let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
                let (code, stderr) = printing_to(full, address, &arguments);
                assert_eq!(code, Some(1), "{stderr}");
                assert!(stderr.starts_with("cannot write to the standard output: No space left"), "{stderr}");
                assert_eq!(stderr.lines().count(), 1, "{stderr}");
            } else {
                let (reader, writer) = std::io::pipe().unwrap();
                drop(reader);
                assert_eq!(printing_to(writer, address, &arguments), (Some(0), String::new()));
            }
            assert!(std::fs::read_to_string(path).unwrap().ends_with("</html>\n"));
        }
    }
    serving.abort();
}

#[tokio::test]
async fn missing_services_and_invalid_arguments_are_reported_at_once() {
    let stage = Stage::new().await;
    let load = |argument: &str| Launch::new("restaurant-load", stage.environment()).arg(argument);
    let nobody = load("--url=http://127.0.0.1:9").run_to_end().await;
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.stderr.contains("no order service answers at 127.0.0.1:9"), "{nobody:?}");
    for (argument, part) in [
        ("--connections=0", "1 to 4096"),
        ("--duration=0", "0.1 to 86400"),
        ("--rate=NaN", "0.1 to 1000000"),
        ("--url=nowhere", "http://127.0.0.1:3000"),
        ("--url=https://127.0.0.1:3000", "TLS is not supported"),
    ] {
        let ended = load(argument).run_to_end().await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(part), "{argument}: {ended:?}");
    }
    let unknown = load("--url=http://nowhere.invalid:3000").run_to_end().await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.stderr.contains("its host is not found: failed to lookup"), "{unknown:?}");
    // Before any request, not after an hour of measuring.
    let ended = load("--url=http://127.0.0.1:9").arg("--report=/nowhere/load.html").run_to_end().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("cannot write the report '/nowhere/load.html'"), "{ended:?}");
    let folder = tempfile::tempdir().unwrap();
    let report = |name: &str| format!("--report={}", folder.path().join(name).display());
    std::fs::write(folder.path().join("old.html"), "old").unwrap();
    for name in ["new.html", "old.html"] {
        let ended = load("--url=http://127.0.0.1:9").arg(report(name)).run_to_end().await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
    }
    assert!(!folder.path().join("new.html").exists(), "nothing was measured");
    assert_eq!(std::fs::read_to_string(folder.path().join("old.html")).unwrap(), "old");
}

#[tokio::test]
async fn more_connections_than_open_files_are_refused_or_allowed_beforehand() {
    let stage = Stage::new().await;
    let (orders, tracking) = (stage.order_service().start().await, stage.tracking_service().start().await);
    tracking.until_status("/readyz", 200).await;
    let limited = async |ulimit: &str| {
        tokio::process::Command::new("sh")
            .args(["-c", &format!("{ulimit} && exec \"$0\" \"$@\"")])
            .arg(env!("CARGO_BIN_EXE_restaurant-load"))
            .args(["--json", "--connections=150", "--warmup=0", "--duration=4"])
            .arg(format!("--url=http://127.0.0.1:{}", orders.port()))
            .arg(format!("--tracking=http://127.0.0.1:{}", tracking.port()))
            .kill_on_drop(true)
            .output()
            .await
            .unwrap()
    };
    let refused = limited("ulimit -n 100").await;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("--connections=150 needs 214 open files, but a process may have 100 here"),
        "{said}"
    );
    // Only the soft limit is raised.
    let allowed = limited("ulimit -S -n 100").await;
    assert_eq!(allowed.status.code(), Some(0), "{allowed:?}");
    let results: Value = serde_json::from_slice(&allowed.stdout).unwrap();
    assert_eq!((&results["unanswered"], &results["audit"]["lost"]), (&json!(0), &json!(0)), "{results}");
}
