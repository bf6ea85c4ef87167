//! Both private servers: started, used, killed, restarted and stopped, in folders with a space in
//! their names.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use amqprs::BasicProperties;
use amqprs::channel::BasicPublishArguments;
use amqprs::connection::{Connection, OpenConnectionArguments};
use devcluster::{
    Credentials, Error, PostgresOptions, PostgresPrograms, PrivatePostgres, PrivateRabbitmq, ProcessGuard,
    RabbitmqOptions, RabbitmqPrograms, Server, project,
};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::net::TcpListener;

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("private servers ").tempdir().unwrap()
}

async fn postgres_programs() -> PostgresPrograms {
    let packages = &project::packages();
    devcluster::ensure_installed(&[Server::Postgres], packages, &|line| eprintln!("{line}")).await.unwrap();
    PostgresPrograms::find(packages).unwrap()
}

async fn rabbitmq_programs() -> RabbitmqPrograms {
    let packages = &project::packages();
    devcluster::ensure_installed(&[Server::Rabbitmq], packages, &|line| eprintln!("{line}")).await.unwrap();
    RabbitmqPrograms::find(packages).unwrap()
}

fn quick() -> PostgresOptions {
    PostgresOptions { durable: false, max_connections: 500, ..PostgresOptions::default() }
}

fn exists(pid: u32) -> bool {
    // A zombie has ended.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// The helper programs that a server started end a moment after the server.
async fn nothing_runs_in(folder: &Path) {
    let started = Instant::now();
    while !processes_of(folder).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(30), "still running: {:?}", processes_of(folder));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// All processes with this folder on their command line or as their working folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| {
        let command = std::fs::read(entry.path().join("cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let cwd = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        (command.contains(folder.to_str()?) || cwd.starts_with(folder)).then_some(command)
    });
    lines.collect()
}

async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let result = work.await;
    println!("{what}: {} ms", start.elapsed().as_millis());
    result
}

#[tokio::test]
async fn postgres_keeps_its_data_through_kill_and_restart() {
    let folder = folder();
    let programs = postgres_programs().await;
    let start = PrivatePostgres::start(&programs, folder.path(), quick());
    let mut server = timed("initdb and start of PostgreSQL", start).await.unwrap();
    let admin = server.admin().clone();
    timed("createdb", admin.create_database("orders one", None)).await.unwrap();
    timed("createdb from a template", admin.create_database("copy", Some("orders one"))).await.unwrap();
    let again = admin.create_database("copy", None).await;
    assert!(matches!(again, Err(Error::Failed { output, .. }) if output.contains("already exists")));

    let (pid, port) = (server.pid(), server.port());
    server.kill();
    assert!(!server.is_running() && !exists(pid));
    timed("restart of PostgreSQL after kill -9", server.restart()).await.unwrap();
    assert_eq!(server.port(), port);
    admin.ensure_database("copy").await.unwrap();
    timed("dropdb", admin.drop_database("orders one")).await.unwrap();
    admin.drop_database("orders one").await.unwrap();

    timed("stop of PostgreSQL", server.stop()).await;
    nothing_runs_in(folder.path()).await;
    let mut server =
        timed("start of PostgreSQL on its data", PrivatePostgres::start(&programs, folder.path(), quick()))
            .await
            .unwrap();
    server.admin().create_database("orders one", None).await.unwrap();
    server.stop().await;
}

/// Publishes a persistent message. The server has written it when this returns.
///
/// The connection stays open: RabbitMQ 3.10 sometimes logs an `[error]` about its own supervisors
/// when a connection closes right after its last channel. (So do the connections that the
/// management API opens to publish and get.)
async fn publish(server: &PrivateRabbitmq, vhost: &str, queue: &str, body: &str) -> Connection {
    let Credentials { user, password } = server.credentials();
    let arguments = OpenConnectionArguments::new("127.0.0.1", server.port(), user, password.expose_secret())
        .virtual_host(vhost)
        .finish();
    let publishing = async {
        let connection = Connection::open(&arguments).await?;
        let channel = connection.open_channel(None).await?;
        channel.tx_select().await?;
        let persistent = BasicProperties::default().with_persistence(true).finish();
        channel.basic_publish(persistent, body.into(), BasicPublishArguments::new("", queue)).await?;
        channel.tx_commit().await?;
        Ok::<_, amqprs::error::Error>(connection)
    };
    tokio::time::timeout(Duration::from_secs(30), publishing).await.unwrap().unwrap()
}

#[tokio::test]
async fn rabbitmq_keeps_its_data_through_kill_and_restart() {
    let folder = folder();
    let programs = rabbitmq_programs().await;
    let options = RabbitmqOptions { password: Some("p#:ä \"".into()), ..RabbitmqOptions::default() };
    let start = PrivateRabbitmq::start(&programs, folder.path(), options);
    let mut server = timed("first start of RabbitMQ", start).await.unwrap();
    let admin = server.admin().clone();
    for name in ["test 1", "test/2"] {
        timed("create a vhost", admin.create_vhost(name)).await.unwrap();
    }
    admin.create_vhost("test 1").await.unwrap();
    let call = async |method: &str, path: &str, body: &str| {
        let answer = admin.request(method, path, Some(body)).await.unwrap();
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
        answer.body
    };
    call("PUT", "/api/queues/test%201/kitchen", r#"{"durable":true}"#).await;
    // RabbitMQ would write the queue itself within two seconds.
    assert!(server.console().evaluate("mnesia:sync_log().").await.unwrap().contains("ok"));
    let publisher = publish(&server, "test 1", "kitchen", "pizza").await;
    let settings = "[Q] = rabbit_amqqueue:list(<<\"test 1\">>), [{_, Status}] = rabbit_amqqueue:info(Q, [backing_queue_status]),
        {ok, Ratio} = application:get_env(rabbit, vm_memory_high_watermark_paging_ratio),
        {_, Words} = erlang:system_info(min_bin_vheap_size),
        {proplists:get_value(version, Status), Words >= 2000000, Ratio =:= 0.33}.";
    let taken = server.console().evaluate(settings).await.unwrap();
    assert!(taken.contains("{2, true, true}"), "{taken}");

    let (pid, port) = (server.pid(), server.port());
    server.kill();
    assert!(!server.is_running() && !exists(pid));
    nothing_runs_in(folder.path()).await;
    drop(publisher);
    timed("restart of RabbitMQ after kill -9", server.restart()).await.unwrap();
    assert_eq!(server.port(), port);
    timed("stop of RabbitMQ", server.stop()).await;
    nothing_runs_in(folder.path()).await;
    let log = std::fs::read_to_string(server.log()).unwrap();
    assert!(!log.contains("[error]"), "{log}");

    timed("start of RabbitMQ on its data", server.restart()).await.unwrap();
    let get = r#"{"count":1,"ackmode":"ack_requeue_false","encoding":"auto"}"#;
    assert!(call("POST", "/api/queues/test%201/kitchen/get", get).await.contains("pizza"));

    timed("delete a vhost", admin.delete_vhost("test 1")).await.unwrap();
    admin.delete_vhost("test 1").await.unwrap();
    server.stop().await;
    nothing_runs_in(folder.path()).await;
}

/// Without our workaround, RabbitMQ loses a stream that it created in its first half second with
/// streams, and refuses its name from then on.
#[tokio::test]
async fn rabbitmq_keeps_its_first_stream_when_it_is_killed_at_once() {
    let folder = folder();
    let programs = rabbitmq_programs().await;
    let mut server =
        PrivateRabbitmq::start(&programs, folder.path(), RabbitmqOptions::default()).await.unwrap();
    let admin = server.admin().clone();
    let coordinator = server.console().evaluate("is_pid(whereis(rabbit_stream_coordinator)).").await.unwrap();
    assert!(coordinator.contains("true"), "{coordinator}");
    assert_eq!(admin.request("GET", "/api/queues", None).await.unwrap().body, "[]");
    let declare = async || {
        let stream = r#"{"durable":true,"arguments":{"x-queue-type":"stream"}}"#;
        admin.request("PUT", "/api/queues/%2F/notifications", Some(stream)).await.unwrap()
    };
    let first = declare().await;
    assert!(first.status < 300, "{first:?}");
    assert!(server.console().evaluate("mnesia:sync_log().").await.unwrap().contains("ok"));
    server.kill();
    server.restart().await.unwrap();
    // A lost stream is refused for ever; a kept one is refused only until it has been started.
    let started = Instant::now();
    loop {
        let again = declare().await;
        if again.status < 300 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{again:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.stop().await;
}

/// Each call is an Erlang node: two nodes of the same name exclude each other.
#[tokio::test]
async fn rabbitmq_answers_concurrent_console_calls() {
    let folder = folder();
    let programs = rabbitmq_programs().await;
    let mut server =
        PrivateRabbitmq::start(&programs, folder.path(), RabbitmqOptions::default()).await.unwrap();
    let mut askers = tokio::task::JoinSet::new();
    for asker in 0..8 {
        let console = server.console();
        askers.spawn(async move {
            for question in 0..20 {
                let expression = format!("{asker} * 100 + {question}.");
                let answer = console.evaluate(&expression).await.unwrap();
                assert_eq!(answer.trim(), format!("{{ok, {}}}", asker * 100 + question));
            }
        });
    }
    askers.join_all().await;
    server.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_left_to_its_owner() {
    let folder = folder();
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = holder.local_addr().unwrap().port();
    let mut server = PrivatePostgres::start(
        &postgres_programs().await,
        folder.path(),
        PostgresOptions { port, ..quick() },
    )
    .await
    .unwrap();
    assert_ne!(server.port(), port);
    server.stop().await;
}

#[tokio::test]
async fn a_port_that_was_taken_in_the_meantime_is_recognised() {
    let folder = folder();
    let mut server =
        PrivatePostgres::start(&postgres_programs().await, folder.path(), quick()).await.unwrap();
    server.stop().await;
    let _holder = TcpListener::bind(("127.0.0.1", server.port())).await.unwrap();
    let outcome = server.restart().await;
    assert!(matches!(outcome, Err(Error::PortTaken { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_bad_setting_is_shown_from_the_log() {
    let folder = folder();
    let options = PostgresOptions { max_connections: 0, ..quick() };
    let error = PrivatePostgres::start(&postgres_programs().await, folder.path(), options).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("max_connections") && text.contains("postgres.log"), "{text}");
}

#[tokio::test]
async fn data_of_another_version_is_refused() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/PG_VERSION"), "7\n").unwrap();
    let error = PrivatePostgres::start(&postgres_programs().await, folder.path(), quick()).await.unwrap_err();
    assert!(matches!(error, Error::OtherVersion { made_by, .. } if made_by == "7"));
}

/// The owner that the next test kills: this test, run again in another process. Without
/// `OWNER_FOLDER` it does nothing.
#[tokio::test]
async fn owner() {
    let Ok(folder) = std::env::var("OWNER_FOLDER") else { return };
    let guard = Some(ProcessGuard::new().unwrap());
    let folder = Path::new(&folder);
    let options = PostgresOptions { guard: guard.clone(), ..quick() };
    let postgres =
        PrivatePostgres::start(&postgres_programs().await, &folder.join("pg"), options).await.unwrap();
    let options = RabbitmqOptions { guard, ..RabbitmqOptions::default() };
    let rabbitmq =
        PrivateRabbitmq::start(&rabbitmq_programs().await, &folder.join("mq"), options).await.unwrap();
    println!("\nready {} {}", postgres.pid(), rabbitmq.pid());
    std::future::pending::<()>().await;
}

#[test]
fn servers_end_with_their_owner() {
    // Without a space in its name, because a killed owner cannot remove its link.
    let folder = tempfile::tempdir().unwrap();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner", "--nocapture"])
        .env("OWNER_FOLDER", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let ready = lines.map_while(Result::ok).find(|line| line.starts_with("ready")).expect("the owner failed");
    let pids: Vec<u32> = ready.split_whitespace().skip(1).map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| exists(*pid)));

    owner.kill().unwrap();
    owner.wait().unwrap();
    let start = Instant::now();
    while !processes_of(folder.path()).is_empty() || pids.iter().any(|pid| exists(*pid)) {
        assert!(start.elapsed() < Duration::from_secs(20), "left: {:?}", processes_of(folder.path()));
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("both servers ended {} ms after their owner was killed", start.elapsed().as_millis());
}
