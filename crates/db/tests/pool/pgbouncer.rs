//! PgBouncer in transaction mode, as docs/operations.md says, and otherwise.

use db::claims::{ClaimOutcome, LockMode};
use db::connect_error::UnsuitableServer;
use db::history::current_statuses;
use db::{Database, DbError, schema};
use testkit::pgbouncer::Documented;
use testkit::{Pgbouncer, Stage};
use tokio::task::JoinSet;

use crate::scene::{claim, open, place, register};

fn through(pgbouncer: &Pgbouncer, stage: &Stage) -> config::Database {
    config::Database { port: pgbouncer.port(), ..stage.database_settings() }
}

/// A wrong configuration is reported at the first connection.
async fn unsuitable(db: &Database) -> UnsuitableServer {
    match db.ping().await {
        Err(DbError::UnsuitableServer { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn as_documented_everything_works() {
    let stage = Stage::new().await;
    let pgbouncer = stage.pgbouncer().await;
    let db = open(&through(&pgbouncer, &stage));
    assert!(!schema::migrate(&db).await.unwrap().is_empty());
    register(&db).await;
    // All clients share sessions, so each transaction may get another one.
    let mut many = JoinSet::new();
    let other = open(&through(&pgbouncer, &stage));
    for _ in 0..4 {
        let (db, other) = (db.clone(), other.clone());
        many.spawn(async move {
            for _ in 0..10 {
                let number = place(&db).await.unwrap();
                assert!(matches!(
                    claim(&other, number, LockMode::Wait).await.unwrap(),
                    ClaimOutcome::Granted(_)
                ));
                assert!(current_statuses(&db, &[number]).await.unwrap()[0].is_some());
            }
        });
    }
    many.join_all().await;
}

#[tokio::test]
async fn no_lock_and_no_setting_of_a_migration_stays_behind() {
    let stage = Stage::new().await;
    let pgbouncer = stage.pgbouncer().await;
    let db = open(&through(&pgbouncer, &stage));
    schema::migrate(&db).await.unwrap();
    let database = stage.database().await;
    let locks = "select count(*) from pg_locks join pg_database as d on d.oid = database
                 where locktype = 'advisory' and datname = current_database()";
    assert_eq!(database.value(locks).await, 0);
    // Each new connection must get a session with its settings.
    for _ in 0..5 {
        open(&through(&pgbouncer, &stage)).ping().await.unwrap();
    }
}

#[tokio::test]
async fn settings_that_vanish_are_named() {
    let stage = Stage::new().await;
    let Documented { settings, .. } = Documented::read();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let pgbouncer = Pgbouncer::before(&stage.servers.postgres, &settings).await;
    let UnsuitableServer::SettingsLost(lost) = unsuitable(&open(&through(&pgbouncer, &stage))).await else {
        panic!("not that its settings were lost");
    };
    assert!(lost.contains("statement_timeout is '0', not '10s'"), "{lost}");
    assert!(lost.contains("synchronous_commit is 'off', not 'on'"), "{lost}");
}

#[tokio::test]
async fn a_login_with_settings_that_is_refused_says_how_to_allow_it() {
    let stage = Stage::new().await;
    let pgbouncer = Pgbouncer::before(&stage.servers.postgres, &["pool_mode = transaction"]).await;
    let why = open(&through(&pgbouncer, &stage)).ping().await.unwrap_err();
    assert!(why.advice().unwrap().contains("ignore_startup_parameters"), "{why:?}");
}

#[tokio::test]
async fn prepared_statements_that_are_not_kept_are_noticed_at_once() {
    let stage = Stage::new().await;
    stage.pgbouncer().await;
    let settings =
        ["pool_mode = transaction", "ignore_startup_parameters = options", "max_prepared_statements = 0"];
    let pgbouncer = Pgbouncer::before(&stage.servers.postgres, &settings).await;
    let db = open(&through(&pgbouncer, &stage));
    assert_eq!(unsuitable(&db).await, UnsuitableServer::StatementsLost);
    assert!(db.ping().await.unwrap_err().advice().unwrap().contains("max_prepared_statements"));
}

#[tokio::test]
async fn session_mode_needs_no_prepared_statements_to_be_kept() {
    let stage = Stage::new().await;
    stage.pgbouncer().await;
    let settings =
        ["pool_mode = session", "ignore_startup_parameters = options", "max_prepared_statements = 0"];
    let pgbouncer = Pgbouncer::before(&stage.servers.postgres, &settings).await;
    let db = open(&through(&pgbouncer, &stage));
    schema::migrate(&db).await.unwrap();
    place(&db).await.unwrap();
}
