//! The order service with every connection encrypted: to its servers, and to its clients.

use devcluster::RabbitmqTls;
use domain::ServiceName;
use testkit::orders::takeout;
use testkit::{Authority, Launch, Stage, eventually};

/// Whatever answers over TLS may be the collector: the certificate comes before the first request.
#[tokio::test]
async fn a_collector_that_is_not_trusted_is_told_with_what_to_do() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let certified = authority.server(&["localhost"]);
    let stage = Stage::new().await;
    let collector = stage
        .order_service()
        .env("HTTP_TLS_CERT", certified.certificate.to_str().unwrap())
        .env("HTTP_TLS_KEY_FILE", certified.key.to_str().unwrap())
        .ready_when_logged("service_started")
        .start()
        .await;
    for (host, trusted, said, advice) in [
        ("localhost", &stranger, "not trusted", "OTEL_EXPORTER_OTLP_CERTIFICATE"),
        ("127.0.0.1", &authority, "not for 127.0.0.1, but for localhost", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ] {
        let service = stage
            .order_service()
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("https://{host}:{}", collector.port()))
            .env("OTEL_EXPORTER_OTLP_CERTIFICATE", trusted.file().to_str().unwrap())
            .env("OTEL_TRACES_SAMPLER", "always_on")
            .start()
            .await;
        service.place(&takeout()).await;
        let line = service.log("traces_not_sent").await;
        let found = line["error"]["msg"].as_str().unwrap();
        assert!(found.contains(said) && found.contains(advice), "{line}");
    }
}

#[tokio::test]
async fn a_key_of_another_certificate_is_told_with_both_settings() {
    let authority = Authority::new();
    let (own, other) = (authority.server(&["localhost"]), authority.server(&["localhost"]));
    let stage = Stage::new().await;
    let launch = stage.order_service().env("HTTP_TLS_CERT", own.certificate.to_str().unwrap());
    let ended = launch.env("HTTP_TLS_KEY", other.key.to_str().unwrap()).run_to_end().await;
    assert_eq!(ended.code, Some(78), "{ended:?}");
    for part in ["HTTP_TLS_CERT", "HTTP_TLS_KEY", other.key.to_str().unwrap(), "put the certificate"] {
        assert!(ended.stderr.contains(part), "no '{part}': {ended:?}");
    }
}

/// The server may trust another clock, and the certificate may be renewed.
#[tokio::test]
async fn a_clients_certificate_that_has_expired_is_told_of_at_the_start() {
    let authority = Authority::new();
    let expired = authority.expired_server(&["an-order-service"]);
    let stage = Stage::new().await;
    let launch = stage.order_service().env("DB_TLS", "require");
    let launch = launch.env("DB_TLS_CERT", expired.certificate.to_str().unwrap());
    let launch = launch.env("DB_TLS_KEY", expired.key.to_str().unwrap());
    let service = launch.ready_when_logged("service_started").start().await;
    let line = service.log("certificate_not_valid").await;
    let message = line["message"].as_str().unwrap();
    assert!(message.contains("DB_TLS_CERT") && message.contains("until 2020-01-01"), "{line}");
}

/// `SSL_CERT_FILE` says which those are, as it does for OpenSSL.
#[tokio::test]
async fn without_an_authority_in_the_settings_those_of_the_system_are_trusted() {
    let authority = Authority::new();
    let mut stage = Stage::with_own_servers().await;
    let certificate = authority.server(&["localhost"]).for_server(None);
    stage.own_servers().postgres.restart_with_tls(Some(certificate)).await.unwrap();
    let verified = stage.order_service().env("DB_HOST", "localhost").env("DB_TLS", "verify-full");
    let service = verified.env("SSL_CERT_FILE", authority.file().to_str().unwrap()).start().await;
    service.place(&takeout()).await;
}

#[tokio::test]
async fn orders_are_placed_over_encrypted_connections_alone() {
    let authority = Authority::new();
    let certified = authority.server(&["localhost"]);
    let mut stage = Stage::with_own_servers().await;
    let own = stage.own_servers();
    own.postgres.restart_with_tls(Some(certified.for_server(None))).await.unwrap();
    let tls = RabbitmqTls { certificate: certified.for_server(None), demands_certificate: false };
    own.rabbitmq.restart_with_tls(Some(tls)).await.unwrap();
    let amqps = own.rabbitmq.tls_port().to_string();
    let authorities = authority.file().to_str().unwrap().to_owned();
    let encrypted = |launch: Launch| {
        launch
            .env("DB_HOST", "localhost")
            .env("DB_TLS", "verify-full")
            .env("DB_TLS_CA", &*authorities)
            .env("RABBITMQ_HOST", "localhost")
            .env("RABBITMQ_PORT", &*amqps)
            .env("RABBITMQ_TLS", "verify-full")
            .env("RABBITMQ_TLS_CA", &*authorities)
    };
    let service = encrypted(stage.order_service()).start().await;
    service.place(&takeout()).await;
    let plain = "select count(*) from pg_stat_ssl join pg_stat_activity using (pid)
                 where application_name = 'order-service' and not ssl";
    assert_eq!(stage.database().await.value(plain).await, 0);

    let with_certificate = |launch: Launch| {
        launch
            .env("HTTP_TLS_CERT", certified.certificate.to_str().unwrap())
            .env("HTTP_TLS_KEY_FILE", certified.key.to_str().unwrap())
    };
    let service = with_certificate(encrypted(stage.order_service()));
    let service = service.ready_when_logged("service_started").start().await;
    let ask = Launch::new(ServiceName::Order.binary(), stage.environment())
        .arg("--healthcheck")
        .arg(format!("--port={}", service.port()));
    let asked = with_certificate(ask.clone());
    eventually("a service that is well", async || (asked.run_to_end().await.code == Some(0)).then_some(()))
        .await;
    let ended = ask.run_to_end().await;
    assert!(ended.code == Some(1) && ended.stderr.contains("speaks only TLS"), "{ended:?}");
}
