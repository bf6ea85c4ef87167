//! What a client accepts, and how a certificate changes, against a server of rustls.

#![allow(clippy::unwrap_used, clippy::panic)] // tests fail by panicking

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use config::TlsMode;
use testkit::{Authority, Certified};
use tls::server::Certificate;
use tls::{Files, FilesError, Refusal, Section, certificate_ends};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Changes are told once in a process, to whoever asks first: one test at a time.
fn told_alone() -> MutexGuard<'static, ()> {
    static ASKING: Mutex<()> = Mutex::new(());
    ASKING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The files of a server.
fn served(certified: &Certified) -> Files {
    let (cert, key) = (Some(certified.certificate.clone()), Some(certified.key.clone()));
    Files { section: Section::Http, mode: TlsMode::Require, ca: None, cert, key }
}

/// The files of a client.
fn trusted(mode: TlsMode, authority: Option<&Authority>) -> Files {
    Files { section: Section::Rabbitmq, mode, ca: authority.map(Authority::file), cert: None, key: None }
}

/// Connects to a server with this certificate by this name.
async fn handshake(certificate: &Arc<Certificate>, client: &Files, name: &str) -> io::Result<()> {
    let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config().unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await?;
        acceptor.accept(tcp).await?.shutdown().await
    });
    let config = tls::client::current(client).unwrap().unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let tcp = TcpStream::connect(address).await.unwrap();
    let agreed = TlsConnector::from(config).connect(name, tcp).await.map(drop);
    // It may have been refused.
    let _ = serving.await.unwrap();
    agreed
}

async fn refusal(certificate: &Arc<Certificate>, client: &Files, name: &str) -> Refusal {
    Refusal::of(&handshake(certificate, client, name).await.unwrap_err()).unwrap()
}

fn certificate(certified: &Certified) -> Arc<Certificate> {
    Certificate::read(served(certified)).unwrap().unwrap()
}

#[tokio::test]
async fn each_mode_checks_what_it_says() {
    let (ours, stranger) = (Authority::new(), Authority::new());
    let good = certificate(&ours.server(&["a.test", "127.0.0.1"]));
    let old = certificate(&ours.expired_server(&["a.test"]));
    let full = trusted(TlsMode::VerifyFull, Some(&ours));
    handshake(&good, &full, "a.test").await.unwrap();
    handshake(&good, &full, "127.0.0.1").await.unwrap();
    let wrong = refusal(&good, &full, "b.test").await;
    let found = vec!["a.test".to_owned(), "127.0.0.1".to_owned()];
    assert_eq!(wrong, Refusal::WrongName { expected: "b.test".to_owned(), found });
    assert_eq!(refusal(&old, &full, "a.test").await, Refusal::Expired);

    let chain = trusted(TlsMode::Require, Some(&ours));
    handshake(&good, &chain, "b.test").await.unwrap();
    assert_eq!(refusal(&old, &chain, "b.test").await, Refusal::Expired);
    for mode in [TlsMode::VerifyFull, TlsMode::Require] {
        let unknown = trusted(mode, Some(&stranger));
        assert_eq!(refusal(&good, &unknown, "a.test").await, Refusal::UnknownAuthority);
    }

    let any = trusted(TlsMode::Require, None);
    handshake(&good, &any, "b.test").await.unwrap();
    handshake(&old, &any, "b.test").await.unwrap();
    assert!(tls::client::current(&trusted(TlsMode::Disable, None)).unwrap().is_none());
}

#[tokio::test]
async fn a_server_without_tls_is_recognised() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        // They stay open: what is reset may not be read.
        let mut open = Vec::new();
        while let Ok((mut tcp, _)) = listener.accept().await {
            tcp.write_all(b"AMQP\x00\x00\x09\x01").await.unwrap();
            open.push(tcp);
        }
    });
    let why = tls::client::unverified(TcpStream::connect(address).await.unwrap()).await.unwrap_err();
    assert_eq!(Refusal::of(&why), Some(Refusal::NoTls));
    assert!(!tls::speaks_tls(address, testkit::DEADLINE).await);
    serving.abort();
}

/// What agrees with clients that show a certificate of this authority.
fn demanding(authority: &Authority) -> TlsAcceptor {
    tls::install_provider();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.file()).unwrap()).unwrap();
    let clients = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let own = authority.server(&["localhost"]);
    let chain = vec![CertificateDer::from_pem_file(own.certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(own.key).unwrap();
    let config = ServerConfig::builder().with_client_cert_verifier(clients);
    TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
}

#[tokio::test]
async fn a_server_that_refuses_certificates_says_why_to_who_is_silent() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let acceptor = demanding(&authority);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        // Who is let in waits for an answer.
        let mut open = Vec::new();
        while let Ok((tcp, _)) = listener.accept().await {
            open.extend(acceptor.accept(tcp).await);
        }
    });
    let without = trusted(TlsMode::VerifyFull, Some(&authority));
    let shown = |certified: Certified| Files {
        cert: Some(certified.certificate),
        key: Some(certified.key),
        ..without.clone()
    };
    let why = async |files: &Files, limit| {
        tls::why_it_hung_up(files, "localhost", TcpStream::connect(address), limit).await
    };
    assert_eq!(why(&without, testkit::DEADLINE).await, Some(Refusal::CertificateDemanded));
    let found = why(&shown(stranger.client("somebody")), testkit::DEADLINE).await;
    assert!(matches!(found, Some(Refusal::CertificateRefused(_))), "{found:?}");
    // It has no reason to give.
    let own = shown(authority.client("somebody"));
    assert_eq!(why(&own, Duration::from_millis(200)).await, None);
    serving.abort();
}

#[tokio::test]
async fn a_pair_is_taken_when_it_has_changed_and_can_be_used() {
    let (first, second) = (Authority::new(), Authority::new());
    let certified = first.server(&["a.test"]);
    let certificate = certificate(&certified);
    let (old, new) =
        (trusted(TlsMode::VerifyFull, Some(&first)), trusted(TlsMode::VerifyFull, Some(&second)));
    assert!(!certificate.refresh().unwrap());

    // A certificate alone does not belong to the key.
    let other = second.server(&["a.test"]);
    certified.become_like(&Certified { certificate: other.certificate.clone(), key: certified.key.clone() });
    assert!(matches!(certificate.refresh(), Err(FilesError::WrongKey { .. })));
    handshake(&certificate, &old, "a.test").await.unwrap();

    certified.become_like(&other);
    assert!(certificate.refresh().unwrap());
    handshake(&certificate, &new, "a.test").await.unwrap();
    assert_eq!(refusal(&certificate, &old, "a.test").await, Refusal::UnknownAuthority);
}

#[tokio::test]
async fn a_pair_that_is_not_valid_now_replaces_none_that_is() {
    let authority = Authority::new();
    let names = &["a.test"];
    let trusting = trusted(TlsMode::VerifyFull, Some(&authority));
    let certified = authority.server(names);
    let certificate = certificate(&certified);

    certified.become_like(&authority.expired_server(names));
    for _ in 0..2 {
        let why = certificate.refresh().unwrap_err().to_string();
        assert!(why.contains("http.tls_cert (HTTP_TLS_CERT) has expired"), "{why}");
    }
    handshake(&certificate, &trusting, "a.test").await.unwrap();
    certified.become_like(&authority.server_in_years(names, 3000..3001));
    let why = certificate.refresh().unwrap_err().to_string();
    assert!(why.contains("not valid yet"), "{why}");
    handshake(&certificate, &trusting, "a.test").await.unwrap();
    certified.become_like(&authority.server(names));
    assert!(certificate.refresh().unwrap());
}

#[tokio::test]
async fn a_pair_that_has_expired_is_taken_at_the_start_and_replaced_by_any() {
    let authority = Authority::new();
    let certified = authority.expired_server(&["a.test"]);
    let certificate = certificate(&certified);
    certified.become_like(&authority.expired_server(&["a.test"]));
    assert!(certificate.refresh().unwrap(), "the last one was not valid either");
}

#[test]
fn a_client_goes_on_with_a_valid_pair_while_the_changed_one_is_not() {
    let _alone = told_alone();
    let authority = Authority::new();
    let shown = authority.client("somebody");
    let (cert, key) = (Some(shown.certificate.clone()), Some(shown.key.clone()));
    let files =
        Files { cert, key, section: Section::Telemetry, ..trusted(TlsMode::Require, Some(&authority)) };
    let first = tls::client::current(&files).unwrap().unwrap();
    // Other tests have connections of their own in this process.
    let news = || tls::client::refresh().into_iter().find(|change| change.section == Section::Telemetry);

    shown.become_like(&authority.expired_server(&["somebody"]));
    assert!(matches!(news().unwrap().outcome, Err(FilesError::Expired { .. })));
    let same = tls::client::current(&files).unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &same), "the last valid pair");
    shown.become_like(&authority.server_in_years(&["somebody"], 3000..3001));
    assert!(matches!(news().unwrap().outcome, Err(FilesError::NotYetValid { .. })));
    shown.become_like(&authority.client("somebody"));
    assert!(news().unwrap().outcome.is_ok());
    assert!(!Arc::ptr_eq(&first, &tls::client::current(&files).unwrap().unwrap()));
}

#[test]
fn a_client_tells_of_files_that_have_changed() {
    let _alone = told_alone();
    let authority = Authority::new();
    let shown = authority.client("somebody");
    let (cert, key) = (Some(shown.certificate.clone()), Some(shown.key.clone()));
    let files =
        Files { cert, key, section: Section::Database, ..trusted(TlsMode::Require, Some(&authority)) };
    let first = tls::client::current(&files).unwrap().unwrap();
    // Other tests have connections of their own in this process.
    let news = || tls::client::refresh().into_iter().find(|change| change.section == Section::Database);
    assert!(news().is_none());

    std::fs::write(&shown.key, "no key").unwrap();
    assert!(matches!(news().unwrap().outcome, Err(FilesError::NotPem { .. })));
    let same = tls::client::current(&files).unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &same), "the last files that could be used");

    shown.become_like(&authority.client("somebody"));
    // The connection is the first to notice.
    let next = tls::client::current(&files).unwrap().unwrap();
    assert!(!Arc::ptr_eq(&first, &next));
    assert!(news().unwrap().outcome.is_ok());
    assert!(news().is_none());
}

#[test]
fn files_that_cannot_be_used_are_named_and_said_what_to_do_with() {
    let authority = Authority::new();
    let certified = authority.server(&["a.test"]);
    let good = served(&certified);
    assert!(certificate_ends(&good).unwrap().is_some());
    let empty = authority.folder().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let without = |change: &dyn Fn(&mut Files)| {
        let mut files = good.clone();
        change(&mut files);
        certificate_ends(&files).unwrap_err().to_string()
    };
    for (why, part) in [
        (without(&|files| files.key = None), "http.tls_key (HTTP_TLS_KEY) is not"),
        (without(&|files| files.cert = None), "http.tls_cert (HTTP_TLS_CERT) is not"),
        (without(&|files| files.cert = Some("/nowhere/a.pem".into())), "/nowhere/a.pem"),
        (without(&|files| files.cert = Some(empty.clone())), "BEGIN CERTIFICATE"),
        (without(&|files| files.key = Some(empty.clone())), "BEGIN PRIVATE KEY"),
        (without(&|files| files.key = Some(authority.client("a").key)), "does not belong"),
        (without(&|files| files.key = Some("/dev/zero".into())), "larger than 1 MiB"),
    ] {
        assert!(why.contains(part), "no '{part}': {why}");
    }
    let nothing = Files { ca: Some(empty), ..trusted(TlsMode::VerifyFull, None) };
    let why = tls::client::current(&nothing).unwrap_err().to_string();
    assert!(why.contains("rabbitmq.tls_ca (RABBITMQ_TLS_CA)"), "{why}");
}
