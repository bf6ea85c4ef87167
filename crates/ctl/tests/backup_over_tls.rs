//! `backup`, from a server that takes no connection without TLS.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use testkit::{Authority, Launch, Stage};

#[tokio::test]
async fn a_server_that_demands_tls_is_copied_over_it() {
    let authority = Authority::new();
    let mut stage = Stage::with_own_servers().await;
    stage.migrate().await;
    let certificate = authority.server(&["localhost"]).for_server(None);
    let postgres = &mut stage.own_servers().postgres;
    postgres.restart_with_tls(Some(certificate)).await.unwrap();
    postgres.demand_tls().await.unwrap();
    let programs = postgres.admin().search_variables();

    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    let launch = Launch::new("restaurant-ctl", stage.environment()).env("DB_HOST", "localhost");
    let launch = programs.into_iter().fold(launch, |launch, (name, value)| launch.env(name, value));
    let launch = launch.arg("backup").arg(backup.to_str().unwrap()).env("DB_TLS", "verify-full");
    let ended = launch.env("DB_TLS_CA", authority.file().to_str().unwrap()).run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(backup.join("manifest.json").is_file(), "{ended:?}");
}
