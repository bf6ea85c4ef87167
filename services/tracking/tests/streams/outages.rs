//! The service or PostgreSQL goes, and comes back: no event is lost, and none comes twice.

use std::time::Duration;

use testkit::{EventStream, Stage, eventually, http};
use tokio::time::Instant;

use crate::scene::{NUMBER, Scene, launch, path};

#[tokio::test]
async fn over_a_restart_of_the_service_nothing_is_lost_or_twice() {
    let mut scene = Scene::open().await;
    let mut ids = vec![scene.step("received").await];
    let mut seen = Vec::new();
    let mut stream = scene.stream().await;
    for round in 0..4 {
        ids.push(scene.step("cooking").await);
        let missing = ids.len() - seen.len();
        seen.extend(stream.ids(missing).await);
        // It stops, or it is killed.
        if round % 2 == 0 {
            scene.service.stop().await;
        } else {
            scene.service.kill().await;
        }
        ids.push(scene.step("ready").await);
        while stream.block().await.is_some() {}
        scene.service = launch(&scene.stage).start().await;
        stream = scene.resumed(&stream).await;
    }
    ids.push(scene.step("completed").await);
    let missing = ids.len() - seen.len();
    seen.extend(stream.ids(missing).await);
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn while_the_database_is_away_streams_stay_open_and_prove_nothing() {
    let stage = Stage::new().await;
    let proxy = stage.postgres_proxy().await;
    let mut scene = Scene::on(stage).await;
    scene.service = launch(&scene.stage).env("DB_PORT", proxy.port().to_string()).start().await;
    let first = scene.step("received").await;
    let mut stream = scene.stream().await;
    assert_eq!(stream.ids(1).await, [first]);
    stream.event("heartbeat").await.unwrap();
    proxy.cut();
    let second = scene.step("cooking").await;
    let silence = loop {
        let block = stream.block().await.unwrap();
        if block.comment.is_some() {
            break block;
        }
    };
    assert_eq!(silence.comment.as_deref(), Some("the database does not answer"));
    let began = Instant::now();
    let new = EventStream::try_open(scene.service.port(), &path(NUMBER), &[], None).await.unwrap();
    assert!(new.head.starts_with("HTTP/1.1 500"), "{}", new.head);
    assert!(began.elapsed() < Duration::from_secs(10), "it keeps its place from others");
    proxy.mend();
    assert_eq!(stream.ids(1).await, [second]);
    stream.event("heartbeat").await.unwrap();
}

#[tokio::test]
async fn while_all_other_connections_are_busy_streams_go_on_and_have_proof() {
    let mut scene = Scene::open().await;
    // Of three connections two are for requests.
    scene.service = launch(&scene.stage).env("DB_MAX_CONNECTIONS", "3").start().await;
    let mut stream = scene.stream().await;
    stream.event("heartbeat").await.unwrap();
    let holder = scene.stage.database().await;
    holder.execute("begin; lock table workers in access exclusive mode").await;
    let port = scene.service.port();
    let asking: Vec<_> = (0..2)
        .map(|_| tokio::spawn(async move { http::send(port, "GET", "/workers/status", &[], b"").await }))
        .collect();
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'";
    let all = async || (scene.database.value(waiting).await == 2).then_some(());
    eventually("requests that wait for a lock", all).await;
    let id = scene.step("received").await;
    assert_eq!(stream.ids(1).await, [id]);
    let proof = stream.block().await.unwrap();
    assert_eq!(proof.event.as_deref(), Some("heartbeat"), "{proof:?}");
    holder.execute("rollback").await;
    for request in asking {
        assert_eq!(request.await.unwrap().status, 200);
    }
}

/// As the sessions of the services have it: what is committed outlives a killed server.
const DURABLE: &str = "set synchronous_commit = on";

#[tokio::test]
async fn over_a_restart_of_postgresql_nothing_is_lost_or_twice() {
    let mut scene = Scene::on(Stage::with_own_servers().await).await;
    scene.database.execute(DURABLE).await;
    let mut ids = vec![scene.step("received").await];
    let mut stream = scene.stream().await;
    assert_eq!(stream.ids(1).await, ids);
    for killed in [false, true] {
        let servers = scene.stage.own_servers();
        if killed {
            servers.postgres.kill();
        }
        servers.postgres.restart().await.unwrap();
        scene.database = scene.stage.database().await;
        scene.database.execute(DURABLE).await;
        for _ in 0..3 {
            ids.push(scene.step("cooking").await);
        }
        assert_eq!(stream.ids(3).await, ids[ids.len() - 3..]);
    }
    // Its client got each row once.
    let mut anew = scene.stream().await;
    assert_eq!(anew.ids(ids.len()).await, ids);
}
