//! PostgreSQL over TLS, with a private authority.

use std::time::Duration;

use config::TlsMode;
use db::{DbError, schema};
use testkit::{Authority, Certified, Stage, eventually};
use tls::Refusal;
use tokio::time::timeout;

use crate::scene::{open, place};

/// A database on a server with this certificate.
async fn stage(certificate: &Certified, clients: Option<&Authority>) -> Stage {
    let mut stage = Stage::with_own_servers().await;
    let tls = Some(certificate.for_server(clients));
    stage.own_servers().postgres.restart_with_tls(tls).await.unwrap();
    stage
}

/// Settings with which the server is reached by a name.
fn settings(stage: &Stage, mode: TlsMode, authority: Option<&Authority>) -> config::Database {
    let mut settings = stage.database_settings();
    "localhost".clone_into(&mut settings.host);
    settings.tls = mode;
    settings.tls_ca = authority.map(Authority::file);
    settings
}

/// Whether the connections to this database are encrypted, as the server sees it.
async fn encrypted(stage: &Stage) -> Vec<serde_json::Value> {
    let sql = "select ssl from pg_stat_ssl join pg_stat_activity using (pid)
               where datname = current_database() and application_name = 'test'";
    let rows = stage.database().await.rows(sql).await;
    rows.into_iter().map(|row| row["ssl"].clone()).collect()
}

async fn refusal(settings: &config::Database) -> Refusal {
    match open(settings).ping().await.unwrap_err() {
        DbError::Tls { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_is_who_its_certificate_says() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mut stage = stage(&authority.server(&["localhost"]), None).await;
    let mut verified = settings(&stage, TlsMode::VerifyFull, Some(&authority));
    let db = open(&verified);
    db.ping().await.unwrap();
    assert_eq!(encrypted(&stage).await, [true]);
    drop(db);

    let unknown = settings(&stage, TlsMode::VerifyFull, Some(&stranger));
    assert_eq!(refusal(&unknown).await, Refusal::UnknownAuthority);
    // Those of the system did not sign it.
    let system = settings(&stage, TlsMode::VerifyFull, None);
    assert!(open(&system).ping().await.is_err());
    verified.host = "127.0.0.1".to_owned();
    let found = refusal(&verified).await;
    assert!(found.to_string().contains("not for 127.0.0.1, but for localhost"), "{found}");

    let expired = authority.expired_server(&["localhost"]);
    stage.own_servers().postgres.restart_with_tls(Some(expired.for_server(None))).await.unwrap();
    for mode in [TlsMode::VerifyFull, TlsMode::Require] {
        assert_eq!(refusal(&settings(&stage, mode, Some(&authority))).await, Refusal::Expired);
    }
}

#[tokio::test]
async fn require_encrypts_and_looks_at_the_authority_if_one_is_named() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let stage = stage(&authority.server(&["elsewhere.test"]), None).await;
    for trusted in [None, Some(&authority)] {
        let db = open(&settings(&stage, TlsMode::Require, trusted));
        db.ping().await.unwrap();
        assert!(encrypted(&stage).await.contains(&true.into()));
    }
    let unknown = settings(&stage, TlsMode::Require, Some(&stranger));
    assert_eq!(refusal(&unknown).await, Refusal::UnknownAuthority);
}

#[tokio::test]
async fn a_server_without_tls_is_refused_by_who_wants_it_and_one_that_demands_it_says_so() {
    let authority = Authority::new();
    let mut stage = Stage::with_own_servers().await;
    let wants = settings(&stage, TlsMode::Require, None);
    assert_eq!(refusal(&wants).await, Refusal::NoTls);
    let why = open(&wants).ping().await.unwrap_err();
    assert!(why.advice().unwrap().contains("ssl = on"), "{why:?}");
    assert!(!why.is_permanent(), "an operator can switch it on");

    let tls = authority.server(&["localhost"]).for_server(None);
    stage.own_servers().postgres.restart_with_tls(Some(tls)).await.unwrap();
    stage.own_servers().postgres.demand_tls().await.unwrap();
    open(&settings(&stage, TlsMode::VerifyFull, Some(&authority))).ping().await.unwrap();
    let why = open(&stage.database_settings()).ping().await.unwrap_err();
    assert!(matches!(why, DbError::Refused { .. }), "{why:?}");
    assert!(why.advice().unwrap().contains("database.tls (DB_TLS)"), "{why:?}");
}

#[tokio::test]
async fn a_certificate_is_demanded_and_is_enough_to_log_in() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mut stage = stage(&authority.server(&["localhost"]), Some(&authority)).await;
    stage.database().await.execute("create role waiter login").await;
    let rules = "hostssl all waiter all cert\nhostssl all all all scram-sha-256 clientcert=verify-ca\n";
    stage.own_servers().postgres.restart_with_rules(rules).await.unwrap();

    let without = settings(&stage, TlsMode::VerifyFull, Some(&authority));
    let why = open(&without).ping().await.unwrap_err();
    assert!(matches!(why, DbError::Refused { .. }), "{why:?}");
    assert!(why.advice().unwrap().contains("DB_TLS_CERT"), "{why:?}");

    let shown = |certified: Certified| config::Database {
        tls_cert: Some(certified.certificate),
        tls_key: Some(certified.key),
        ..without.clone()
    };
    open(&shown(authority.client("somebody"))).ping().await.unwrap();
    let found = refusal(&shown(stranger.client("somebody"))).await;
    assert!(matches!(found, Refusal::CertificateRefused(_)), "{found:?}");
    let waiter =
        |certified| config::Database { user: "waiter".to_owned(), password: "".into(), ..shown(certified) };
    open(&waiter(authority.client("waiter"))).ping().await.unwrap();
    assert!(open(&waiter(authority.client("cook"))).ping().await.is_err());
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_by_the_next_connection_and_a_broken_one_is_not() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mut stage = stage(&authority.server(&["localhost"]), Some(&authority)).await;
    let rules = "hostssl all all all scram-sha-256 clientcert=verify-ca\n";
    stage.own_servers().postgres.restart_with_rules(rules).await.unwrap();
    let shown = stranger.client("somebody");
    let mut settings = settings(&stage, TlsMode::VerifyFull, Some(&authority));
    settings.tls_cert = Some(shown.certificate.clone());
    settings.tls_key = Some(shown.key.clone());
    let db = open(&settings);
    assert!(db.ping().await.is_err());
    shown.become_like(&authority.client("somebody"));
    db.ping().await.unwrap();
    // Half of a renewal: the last pair is still shown.
    std::fs::write(&shown.key, "no key").unwrap();
    open(&settings).ping().await.unwrap();
}

#[tokio::test]
async fn an_abandoned_statement_is_cancelled_over_tls_too() {
    let authority = Authority::new();
    let stage = stage(&authority.server(&["localhost"]), None).await;
    let db = open(&settings(&stage, TlsMode::VerifyFull, Some(&authority)));
    schema::migrate(&db).await.unwrap();
    let (observer, holder) = (stage.database().await, stage.database().await);
    holder.execute("begin; lock table orders in access exclusive mode").await;
    let waiting = "select count(*) from pg_stat_activity where datname = current_database()
        and application_name = 'test' and wait_event_type = 'Lock'";
    let until = async |count: i64| {
        eventually("its statement", async || (observer.value(waiting).await == count).then_some(())).await;
    };
    tokio::select! {
        _ = place(&db) => panic!("nothing hangs"),
        () = until(1) => {}
    }
    // Far less than the ten seconds of the server's statement limit.
    timeout(Duration::from_secs(3), until(0)).await.expect("it is cancelled");
}
