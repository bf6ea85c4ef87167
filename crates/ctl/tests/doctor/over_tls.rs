//! Servers that are reached over TLS, and certificates.

use devcluster::RabbitmqTls;
use testkit::{Authority, Stage};

use crate::visit::{doctor, visit};

#[tokio::test]
async fn what_is_wrong_with_tls_is_said_with_what_to_do() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let mut stage = Stage::with_own_servers().await;
    let (plain, own) = (doctor(&stage), stage.own_servers());
    let wanted = plain.clone().env("DB_TLS", "require");
    visit(&wanted).await.assert_to_do("postgresql fail", "ssl = on");

    let certificate = authority.server(&["localhost"]).for_server(None);
    own.postgres.restart_with_tls(Some(certificate.clone())).await.unwrap();
    let tls = RabbitmqTls { certificate, demands_certificate: false };
    own.rabbitmq.restart_with_tls(Some(tls)).await.unwrap();
    let encrypted = plain
        .clone()
        .env("DB_HOST", "localhost")
        .env("DB_TLS", "verify-full")
        .env("DB_TLS_CA", path(authority.file()))
        .env("RABBITMQ_HOST", "localhost")
        .env("RABBITMQ_PORT", own.rabbitmq.tls_port().to_string())
        .env("RABBITMQ_TLS", "verify-full")
        .env("RABBITMQ_TLS_CA", path(authority.file()));
    let found = visit(&encrypted).await;
    assert_eq!(found.findings(), Vec::<String>::new(), "{:?}", found.ended);

    for server in ["postgresql_certificate", "broker_certificate"] {
        assert!(found.found(server).contains("it ends in"), "{:?}", found.ended);
    }

    let unknown = path(stranger.file());
    for (name, value, finding, part) in [
        ("DB_TLS_CA", &*unknown, "postgresql fail", "database.tls_ca (DB_TLS_CA)"),
        ("DB_HOST", "127.0.0.1", "postgresql fail", "database.host (DB_HOST)"),
        ("DB_TLS_CA", "/nowhere/ca.pem", "postgresql fail", "database.tls_ca"),
        ("RABBITMQ_TLS_CA", &*unknown, "rabbitmq fail", "rabbitmq.tls_ca (RABBITMQ_TLS_CA)"),
        ("RABBITMQ_HOST", "127.0.0.1", "rabbitmq fail", "rabbitmq.host (RABBITMQ_HOST)"),
    ] {
        visit(&encrypted.clone().env(name, value)).await.assert_to_do(finding, part);
    }
    let off = encrypted.env("RABBITMQ_TLS", "disable");
    visit(&off).await.assert_only("config fail", "rabbitmq.tls (RABBITMQ_TLS)");
    let plain = off.env("RABBITMQ_TLS_CA", "");
    visit(&plain).await.assert_to_do("rabbitmq fail", "rabbitmq.tls (RABBITMQ_TLS)");
}

#[tokio::test]
async fn a_certificate_that_ends_is_to_be_renewed() {
    let (authority, stage) = (Authority::new(), Stage::new().await);
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let good = authority.server(&["localhost"]);
    let expired = authority.expired_server(&["localhost"]);
    let served = doctor(&stage).env("HTTP_TLS_KEY_FILE", path(&good.key));
    let found = visit(&served.clone().env("HTTP_TLS_CERT", path(&good.certificate))).await;
    assert!(found.found("http_certificate").contains("it ends in"), "{:?}", found.ended);
    assert_eq!(found.findings(), Vec::<String>::new(), "{:?}", found.ended);
    let found = visit(&served.env("HTTP_TLS_CERT", path(&expired.certificate))).await;
    found.assert_only("http_certificate fail", "does not belong");
    let old = doctor(&stage)
        .env("HTTP_TLS_CERT", path(&expired.certificate))
        .env("HTTP_TLS_KEY", path(&expired.key));
    visit(&old).await.assert_only("http_certificate fail", "expired");
}
