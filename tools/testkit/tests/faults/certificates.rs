//! Certificates of both servers change while orders are placed.

use devcluster::RabbitmqTls;
use testkit::database::Database;
use testkit::{Authority, Certified, Launch, Proxy, Stage};

use crate::restaurant::Restaurant;
use crate::scale::either;
use crate::verdict::{closes, drill_holds};

/// The name by which services reach both servers: through proxies.
const NAME: &str = "127.0.0.1";

fn of_rabbitmq(certificate: &Certified) -> RabbitmqTls {
    RabbitmqTls { certificate: certificate.for_server(None), demands_certificate: false }
}

/// Gives both servers certificates of this authority.
async fn certify(stage: &mut Stage, authority: &Authority) {
    let certificate = authority.server(&[NAME]);
    let servers = stage.own_servers();
    servers.postgres.restart_with_tls(Some(certificate.for_server(None))).await.unwrap();
    servers.rabbitmq.restart_with_tls(Some(of_rabbitmq(&certificate))).await.unwrap();
    stage.refresh();
}

/// What `restaurant-ctl doctor` finds with this authority alone.
async fn is_trusted(restaurant: &mut Restaurant, authority: &Authority) -> bool {
    let port = restaurant.stage.own_servers().rabbitmq.tls_port();
    let mut doctor = Launch::new("restaurant-ctl", restaurant.stage.environment())
        .arg("doctor")
        .arg("--order-port=0")
        .arg("--tracking-port=0");
    for (name, value) in verified(&authority.file().display().to_string(), port) {
        doctor = doctor.env(name, value);
    }
    doctor.run_to_end().await.code == Some(0)
}

fn verified(authorities: &str, port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("DB_TLS", "verify-full".to_owned()),
        ("DB_TLS_CA", authorities.to_owned()),
        ("RABBITMQ_TLS", "verify-full".to_owned()),
        ("RABBITMQ_TLS_CA", authorities.to_owned()),
        ("RABBITMQ_PORT", port.to_string()),
    ]
}

/// Both servers get certificates of another authority, and every connection breaks.
#[tokio::test]
async fn drill_certificates() {
    let (old, new) = (Authority::new(), Authority::new());
    // As in a change of authorities: clients trust both first.
    let both = old.folder().join("both.pem");
    let certificates = [old.file(), new.file()].map(|file| std::fs::read_to_string(file).unwrap());
    std::fs::write(&both, certificates.concat()).unwrap();
    let mut to_rabbitmq = None;
    let mut restaurant = Restaurant::open_on_own_servers(async |mut stage: Stage| {
        certify(&mut stage, &old).await;
        let proxy = to_rabbitmq.insert(Proxy::to(stage.own_servers().rabbitmq.tls_port()).await);
        let environment = verified(&both.display().to_string(), proxy.port());
        (stage, environment)
    })
    .await;
    let to_rabbitmq = to_rabbitmq.expect("started");
    let load = restaurant.load();
    load.accepts(20).await;
    assert!(is_trusted(&mut restaurant, &old).await && !is_trusted(&mut restaurant, &new).await);

    let certificate = new.server(&[NAME]);
    let servers = restaurant.stage.own_servers();
    servers.postgres.renew_tls(certificate.for_server(None)).unwrap();
    servers.rabbitmq.renew_tls(of_rabbitmq(&certificate)).await.unwrap();
    let administrator = Database::admin(&restaurant.stage.servers.postgres).await;
    administrator.execute("select pg_reload_conf()").await;
    load.accepts(either(20, 200)).await;
    let links = &restaurant.links;
    for link in [&to_rabbitmq, &links.orders_to_postgres, &links.kitchen_to_postgres] {
        link.cut();
        link.mend();
    }
    load.accepts(either(20, 200)).await;
    assert!(is_trusted(&mut restaurant, &new).await && !is_trusted(&mut restaurant, &old).await);
    let broken = "both servers got certificates of another authority, and every connection broke";
    drill_holds("certificates", broken, &mut restaurant, load).await;
    closes(restaurant).await;
}
