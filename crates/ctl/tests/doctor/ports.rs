//! Ports.

use testkit::{PortClaim, Stage};
use tokio::net::TcpListener;

use crate::visit::{doctor, visit};

#[tokio::test]
async fn a_port_that_another_program_has() {
    let stage = Stage::new().await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = other.local_addr().unwrap().port();
    let accepting = tokio::spawn(async move { while other.accept().await.is_ok() {} });
    let found = visit(&doctor(&stage).arg(format!("--order-port={port}"))).await;
    found.assert_only("order_port fail", &format!("another program listens on 127.0.0.1:{port}"));
    let found = visit(&doctor(&stage).arg(format!("--tracking-port={port}"))).await;
    found.assert_only("tracking_port fail", &format!("127.0.0.1:{port}"));
    accepting.abort();
    let _ = accepting.await;
    let found = visit(&doctor(&stage).arg(format!("--order-port={port}"))).await;
    assert_eq!(found.found("order_port"), format!("127.0.0.1:{port} is free"));
}

#[tokio::test]
async fn a_port_where_our_own_service_listens_is_no_mistake() {
    let stage = Stage::new().await;
    let service = stage.order_service().start().await;
    let found = visit(&doctor(&stage).arg(format!("--order-port={}", service.port()))).await;
    found.assert_only("order_port warn", "order-service listens on 127.0.0.1:");
}

#[tokio::test]
async fn our_own_service_is_known_even_if_its_database_is_frozen() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let proxy = stage.postgres_proxy().await;
    let launch = stage.tracking_service().env("DB_PORT", proxy.port().to_string());
    let service = launch.start().await;
    service.until_status("/readyz", 200).await;
    proxy.silence();
    let found = visit(&doctor(&stage).arg(format!("--tracking-port={}", service.port()))).await;
    proxy.mend();
    found.assert_only("tracking_port warn", "tracking-service listens on 127.0.0.1:");
}

#[tokio::test]
async fn the_port_of_the_admin_listener_where_one_is_wanted() {
    let stage = Stage::new().await;
    let free = PortClaim::of(0).unwrap();
    let with_admin = |port: u16| doctor(&stage).env("ADMIN_PORT", port.to_string());
    let found = visit(&with_admin(free.port())).await;
    assert_eq!(found.found("admin_port"), format!("127.0.0.1:{} is free", free.port()));

    let subscriber = stage.subscriber().env("ADMIN_PORT", free.port().to_string()).start().await;
    let found = visit(&with_admin(free.port())).await;
    found.assert_only("admin_port warn", "notification-subscriber listens on 127.0.0.1:");
    drop(subscriber);

    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = other.local_addr().unwrap().port();
    let accepting = tokio::spawn(async move { while other.accept().await.is_ok() {} });
    let found = visit(&with_admin(port)).await;
    found.assert_only("admin_port fail", &format!("another program listens on 127.0.0.1:{port}"));
    accepting.abort();

    let wanted_twice = with_admin(port).arg(format!("--order-port={port}"));
    let found = visit(&wanted_twice).await;
    assert!(found.found("admin_port").contains("is the --port of a service as well"));
}
