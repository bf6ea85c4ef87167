//! "Configuration": the file, the environment above it, secrets from files; and
//! no password anywhere.

use std::path::Path;

use testkit::orders::takeout;
use testkit::shared_servers::Address;
use testkit::{Authority, Launch, Stage};

/// The specification's file, for the servers of a stage.
fn file(stage: &Stage) -> String {
    let section = |server: &Address| {
        let Address { port, user, password } = server;
        format!("  host: 127.0.0.1\n  port: {port}\n  user: {user}\n  password: {password}\n")
    };
    let (postgres, rabbitmq) = (section(&stage.servers.postgres), section(&stage.servers.rabbitmq));
    let name = &stage.name;
    format!(
        "# Database Configuration\ndatabase:\n{postgres}  database: {name}\n\n# RabbitMQ Configuration\nrabbitmq:\n{rabbitmq}  vhost: {name}\n"
    )
}

fn order_service(config: &Path) -> Launch {
    let launch = Launch::new("order-service", Vec::new()).arg("--port=0");
    launch.arg("--config").arg(config.to_str().unwrap()).ready_when_probed()
}

#[tokio::test]
async fn everything_can_stand_in_the_file() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my config.yaml");
    std::fs::write(&path, file(&stage)).unwrap();
    let service = order_service(&path).start().await;
    service.place(&takeout()).await;
}

#[tokio::test]
async fn the_environment_stands_above_secret_files_and_these_above_the_file() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    let password = &stage.servers.postgres.password;
    std::fs::write(&path, file(&stage).replace(password, "wrong-in-file")).unwrap();
    let secret = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (right, wrong) = (secret("right", &format!("{password}\n")), secret("wrong", "wrong-in-secret"));

    let from_secret = order_service(&path).env("DB_PASSWORD_FILE", &right);
    from_secret.start().await.place(&takeout()).await;
    let from_environment = order_service(&path).env("DB_PASSWORD_FILE", &wrong).env("DB_PASSWORD", password);
    from_environment.start().await.place(&takeout()).await;

    let refused =
        order_service(&path).env("DB_PASSWORD_FILE", &wrong).ready_when_logged("db_connection_failed");
    let output = refused.start().await.raw_lines().join("\n");
    assert!(output.contains("password authentication failed") && !output.contains("wrong-in"), "{output}");
}

#[tokio::test]
async fn a_mistake_in_the_configuration_is_exit_code_78_and_names_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    for (text, parts) in [
        ("databse:\n  host: x\n", &["databse", "line 1 column 1", "`database`"][..]),
        ("database:\n  password: hunter2\n  prot: 1\n", &["database", "prot", "line 3 column 3", "`port`"]),
        ("database:\n  port: 70000\n", &["database.port", "line 2", "1 to 65535"]),
        ("database:\n  password: [hunter2]\n", &["database.password", "line 2"]),
        ("database:\n  password: \"hunter2\n", &["line 2"]),
        ("order:\n  accept_while_broker_down: maybe\n", &["order.accept_while_broker_down", "line 2"]),
        ("http: { bind: everywhere }\n", &["http.bind", "line 1", "127.0.0.1"]),
        ("log: { level: loud }\n", &["log.level", "line 1", "debug, info, error"]),
    ] {
        std::fs::write(&path, text).unwrap();
        let ended = order_service(&path).run_to_end().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""), "{text}: {ended:?}");
        assert!(
            ended.stderr.starts_with("order-service: ") && ended.stderr.contains("config.yaml"),
            "{ended:?}"
        );
        assert!(parts.iter().all(|part| ended.stderr.contains(part)), "{text}: {ended:?}");
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    }
    let ended = order_service(&folder.path().join("missing.yaml")).run_to_end().await;
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(
        ended.stderr.contains("cannot read the config file") && ended.stderr.contains("missing.yaml"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_mistake_in_the_environment_is_exit_code_78_and_names_the_variable() {
    for (name, value, part) in [
        ("DB_PORT", "tcp://10.0.0.1:5432", "1 to 65535"),
        ("RABBITMQ_PORT", "0", "1 to 65535"),
        ("HTTP_BIND", "localhost", "127.0.0.1"),
        ("LOG_LEVEL", "trace", "debug, info, error"),
        ("ORDER_ACCEPT_WHILE_BROKER_DOWN", "yes", "true, false"),
        ("DB_PASSWORD_FILE", "/nowhere/secret", "'/nowhere/secret'"),
    ] {
        let ended = Launch::new("order-service", vec![(name, value.to_owned())]).run_to_end().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""), "{name}: {ended:?}");
        assert!(ended.stderr.contains(name) && ended.stderr.contains(part), "{ended:?}");
    }
}

/// No connection could be made with them, to a server or by a client.
#[tokio::test]
async fn files_of_tls_that_cannot_be_used_are_exit_code_78_and_named() {
    let authority = Authority::new();
    let (own, other) = (authority.client("a"), authority.client("b"));
    let empty = authority.folder().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    for (mode, cert, key) in [
        (Some("DB_TLS"), "DB_TLS_CERT", "DB_TLS_KEY"),
        (Some("RABBITMQ_TLS"), "RABBITMQ_TLS_CERT", "RABBITMQ_TLS_KEY"),
        (None, "HTTP_TLS_CERT", "HTTP_TLS_KEY"),
    ] {
        let environment = mode.map(|mode| (mode, "require".to_owned())).into_iter().collect();
        let launch = Launch::new("order-service", environment);
        let with_certificate = launch.clone().env(cert, text(&own.certificate));
        for (launch, parts) in [
            (with_certificate.clone(), [cert, "is not: set both"]),
            (launch.env(key, text(&own.key)), [key, "is not: set both"]),
            (with_certificate.clone().env(key, text(&other.key)), [key, "does not belong"]),
            (with_certificate.clone().env(key, text(&empty)), [key, "BEGIN PRIVATE KEY"]),
            (with_certificate.env(key, "/nowhere/key.pem"), [key, "/nowhere/key.pem"]),
        ] {
            let ended = launch.run_to_end().await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""), "{parts:?}: {ended:?}");
            assert!(parts.iter().all(|part| ended.stderr.contains(part)), "{parts:?}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn the_admin_port_is_not_the_services_own() {
    let launch = Launch::new("order-service", vec![("ADMIN_PORT", "3999".to_owned())]);
    let ended = launch.arg("--port=3999").run_to_end().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""), "{ended:?}");
    for part in ["admin.port (ADMIN_PORT) is 3999", "--port"] {
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
}

#[tokio::test]
async fn passwords_are_in_no_output_whatever_happens() {
    let stage = Stage::new().await;
    let (postgres, rabbitmq) = (stage.postgres_proxy().await, stage.rabbitmq_proxy().await);
    let launch = stage.order_service().env("DB_PORT", postgres.port().to_string());
    let mut service = launch.env("RABBITMQ_PORT", rabbitmq.port().to_string()).start().await;
    service.place(&takeout()).await;
    postgres.cut();
    rabbitmq.cut();
    service.log("rabbitmq_connection_failed").await;
    let answer = service.post("/orders", &takeout().to_string()).await;
    let health = service.get("/health").await;
    service.stop().await;
    let output = format!("{}\n{answer:?}\n{health:?}", service.everything());
    for server in [&stage.servers.postgres, &stage.servers.rabbitmq] {
        assert!(!output.contains(&server.password), "{output}");
    }
}
