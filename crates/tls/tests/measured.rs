//! The metric of certificates. A process has one, so this program has one test.

#![allow(clippy::unwrap_used)] // so does a test fail

use std::sync::Arc;

use config::TlsMode;
use telemetry::labels::{CertificateOf, Label as _};
use telemetry::metrics::CERTIFICATE_ENDS;
use testkit::{Authority, Certified};
use tls::server::Certificate;
use tls::{Files, FilesError, Section};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// When the renewed one ends: 2040-01-01. Those that an authority makes otherwise end later.
const RENEWED: i64 = 2_208_988_800;

fn ends(of: CertificateOf) -> i64 {
    CERTIFICATE_ENDS.of(of).get()
}

fn files(section: Section, shown: &Certified) -> Files {
    let (cert, key) = (Some(shown.certificate.clone()), Some(shown.key.clone()));
    Files { section, mode: TlsMode::Require, ca: None, cert, key }
}

#[tokio::test]
async fn each_certificate_in_use_shows_when_it_ends() {
    assert!(CertificateOf::ALL.iter().all(|of| ends(*of) == 0), "there is none yet");
    let authority = Authority::new();

    let served = authority.server(&["localhost"]);
    let certificate = Certificate::read(files(Section::Http, &served)).unwrap().unwrap();
    let first = ends(CertificateOf::Http);
    assert!(first > RENEWED);
    // What is not taken is not shown.
    served.become_like(&authority.expired_server(&["localhost"]));
    assert!(matches!(certificate.refresh(), Err(FilesError::Expired { .. })));
    assert_eq!(ends(CertificateOf::Http), first);
    served.become_like(&authority.server_in_years(&["localhost"], 2020..2040));
    assert!(certificate.refresh().unwrap());
    assert_eq!(ends(CertificateOf::Http), RENEWED);

    let client = tls::client::current(&files(Section::Rabbitmq, &authority.client("order")));
    let client = client.unwrap().unwrap();
    assert!(ends(CertificateOf::RabbitmqClient) > RENEWED);
    assert_eq!(ends(CertificateOf::RabbitmqServer), 0, "it has shown none");

    let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config().unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        acceptor.accept(tcp).await.unwrap();
    });
    let tcp = TcpStream::connect(address).await.unwrap();
    tls::client::connect(client, "localhost", tcp).await.unwrap();
    serving.await.unwrap();
    assert_eq!(ends(CertificateOf::RabbitmqServer), RENEWED);
    assert_eq!([CertificateOf::DatabaseClient, CertificateOf::DatabaseServer].map(ends), [0, 0]);
}
