//! A server with several addresses, some of which drop packets or refuse.

use std::time::{Duration, Instant};

use db::DbError;
use testkit::Stage;

use crate::scene::open;

#[tokio::test]
async fn an_address_that_swallows_everything_costs_its_share_and_only_once() {
    let stage = Stage::new().await;
    let (swallows, works) = (stage.postgres_proxy().await, stage.postgres_proxy().await);
    swallows.silence();
    let mut settings = stage.database_settings();
    settings.host = format!("127.0.0.1:{},127.0.0.1:{}", swallows.port(), works.port());
    let db = open(&settings);
    db.ping().await.unwrap();
    // Later connections start with the address that worked.
    let began = Instant::now();
    db.takes_writes().await.unwrap();
    works.cut();
    works.mend();
    while db.ping().await.is_err() {
        assert!(began.elapsed() < testkit::DEADLINE, "the connection never came back");
    }
    works.silence();
    works.cut();
    swallows.mend();
    while db.ping().await.is_err() {
        assert!(began.elapsed() < testkit::DEADLINE, "the other address was never tried");
    }
}

#[tokio::test]
async fn the_broker_is_found_at_its_second_address() {
    let stage = Stage::new().await;
    let (swallows, works) = (stage.rabbitmq_proxy().await, stage.rabbitmq_proxy().await);
    swallows.silence();
    let broker = &stage.servers.rabbitmq;
    let settings = config::Rabbitmq {
        host: format!("127.0.0.1:{},127.0.0.1:{}", swallows.port(), works.port()),
        port: 1,
        user: broker.user.clone(),
        password: broker.password.clone().into(),
        vhost: stage.name.clone(),
        ..config::Rabbitmq::default()
    };
    let began = Instant::now();
    bus::check(&settings, "test").await.unwrap();
    // The first address alone would have used the whole deadline of ten seconds.
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_is_wrong_is_told_by_the_server_that_says_most() {
    let stage = Stage::new().await;
    let mut settings = stage.database_settings();
    settings.host = format!("127.0.0.1:1,127.0.0.1:{},127.0.0.1:1", settings.port);
    settings.database = "nowhere".to_owned();
    let why = open(&settings).ping().await.unwrap_err();
    assert!(matches!(&why, DbError::Refused { .. }) && why.advice().unwrap().contains("createdb"), "{why:?}");
}
