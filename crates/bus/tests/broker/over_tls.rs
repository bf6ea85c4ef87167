//! RabbitMQ over TLS, with a private authority.

use bus::SessionError;
use config::{Rabbitmq, TlsMode};
use devcluster::{Credentials, RabbitmqTls};
use domain::ServiceName;
use testkit::wait::within;
use testkit::{Authority, Certified, Stage};
use tls::Refusal;

use crate::log_lines::LogLines;
use crate::scene::{TAKEOUT_QUEUE, message, news, outgoing, publisher, takeout, update};

const ALL: [&str; 3] = [".*", ".*", ".*"];

/// A vhost on a server with this certificate.
async fn stage(certificate: &Certified, clients: Option<&Authority>, demands_certificate: bool) -> Stage {
    let mut stage = Stage::with_own_servers().await;
    let tls = RabbitmqTls { certificate: certificate.for_server(clients), demands_certificate };
    stage.own_servers().rabbitmq.restart_with_tls(Some(tls)).await.unwrap();
    stage
}

/// Settings with which the server is reached by a name.
fn settings(stage: &mut Stage, mode: TlsMode, authority: Option<&Authority>) -> Rabbitmq {
    let mut settings = stage.broker_settings();
    "localhost".clone_into(&mut settings.host);
    settings.port = stage.own_servers().rabbitmq.tls_port();
    settings.tls = mode;
    settings.tls_ca = authority.map(Authority::file);
    settings
}

async fn check(settings: &Rabbitmq) -> Result<(), SessionError> {
    within("an answer of the broker", bus::check(settings, "test")).await
}

async fn refusal(settings: &Rabbitmq) -> Refusal {
    match check(settings).await.unwrap_err() {
        SessionError::Tls { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_is_who_its_certificate_says() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mut stage = stage(&authority.server(&["localhost"]), None, false).await;
    let mut verified = settings(&mut stage, TlsMode::VerifyFull, Some(&authority));
    check(&verified).await.unwrap();
    verified.host = "127.0.0.1".to_owned();
    let found = refusal(&verified).await;
    assert!(found.to_string().contains("not for 127.0.0.1, but for localhost"), "{found}");
    // The authority is right, and the name does not count.
    verified.tls = TlsMode::Require;
    check(&verified).await.unwrap();

    for mode in [TlsMode::VerifyFull, TlsMode::Require] {
        let unknown = settings(&mut stage, mode, Some(&stranger));
        assert_eq!(refusal(&unknown).await, Refusal::UnknownAuthority);
    }
    check(&settings(&mut stage, TlsMode::Require, None)).await.unwrap();

    let expired = authority.expired_server(&["localhost"]).for_server(None);
    let tls = RabbitmqTls { certificate: expired, demands_certificate: false };
    stage.own_servers().rabbitmq.restart_with_tls(Some(tls)).await.unwrap();
    assert_eq!(refusal(&settings(&mut stage, TlsMode::Require, Some(&authority))).await, Refusal::Expired);
}

#[tokio::test]
async fn who_speaks_to_the_wrong_port_hears_which_one_is_right() {
    let authority = Authority::new();
    let mut stage = stage(&authority.server(&["localhost"]), None, false).await;
    let encrypted = settings(&mut stage, TlsMode::VerifyFull, Some(&authority));
    let plain = stage.broker_settings();

    let crossed = Rabbitmq { port: plain.port, ..encrypted.clone() };
    assert_eq!(refusal(&crossed).await, Refusal::NoTls);
    let why = check(&crossed).await.unwrap_err().to_string();
    assert!(why.contains("RABBITMQ_PORT") && why.contains("5671"), "{why}");

    let crossed = Rabbitmq { port: encrypted.port, ..plain };
    assert_eq!(refusal(&crossed).await, Refusal::TlsDemanded);
    let why = check(&crossed).await.unwrap_err().to_string();
    assert!(why.contains("rabbitmq.tls (RABBITMQ_TLS)"), "{why}");
}

#[tokio::test]
async fn a_certificate_is_demanded_and_is_enough_to_log_in() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mut stage = stage(&authority.server(&["localhost"]), Some(&authority), true).await;
    let (admin, vhost) = (stage.servers.rabbitmq_admin(), stage.name.clone());
    let waiter = Credentials { user: "waiter".to_owned(), password: "of no use".into() };
    admin.ensure_user(&waiter, &vhost, ALL).await.unwrap();

    let without = settings(&mut stage, TlsMode::VerifyFull, Some(&authority));
    assert_eq!(refusal(&without).await, Refusal::CertificateDemanded);

    let shown = |certified: Certified| Rabbitmq {
        tls_cert: Some(certified.certificate),
        tls_key: Some(certified.key),
        ..without.clone()
    };
    // With its password, and a certificate of anybody whom the server trusts.
    check(&shown(authority.client("somebody"))).await.unwrap();
    let found = refusal(&shown(stranger.client("somebody"))).await;
    assert!(matches!(found, Refusal::CertificateRefused(_)), "{found:?}");

    let by_certificate = Rabbitmq { password: "".into(), ..shown(authority.client("waiter")) };
    check(&by_certificate).await.unwrap();
    let nobody = Rabbitmq { password: "".into(), ..shown(authority.client("nobody")) };
    assert!(check(&nobody).await.is_err());

    // RabbitMQ takes the name from the certificate, and the messages have it.
    let strangely_named = Rabbitmq { user: "somebody else".to_owned(), ..by_certificate };
    let lines = LogLines::new();
    let publisher = publisher(&strangely_named, ServiceName::Order, &lines).await;
    publisher.publish(outgoing(&message(&takeout("10")))).await.unwrap();
    within("the stream", publisher.status_updates_possible()).await;
    let broker = stage.broker().await;
    let tap = broker.tap("notifications_fanout", "").await;
    publisher.publish(news(&update())).await.unwrap();
    for queue in [TAKEOUT_QUEUE, &tap] {
        let sent = broker.take(queue).await;
        assert_eq!(sent.properties.user_id().map(String::as_str), Some("waiter"), "{queue}");
    }
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let authority = Authority::new();
    let mut settings = Rabbitmq { tls: TlsMode::Require, ..Stage::new().await.broker_settings() };
    settings.tls_cert = Some("/nowhere/cert.pem".into());
    let why = check(&settings).await.unwrap_err().to_string();
    assert!(why.contains("RABBITMQ_TLS_KEY) is not"), "{why}");
    settings.tls_key = Some(authority.file());
    let why = check(&settings).await.unwrap_err().to_string();
    assert!(why.contains("/nowhere/cert.pem"), "{why}");
    settings.tls_cert = Some(authority.file());
    let why = check(&settings).await.unwrap_err().to_string();
    assert!(why.contains("no private key in PEM form"), "{why}");
}
