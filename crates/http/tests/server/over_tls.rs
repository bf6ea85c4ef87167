//! The server with a certificate: over TLS, without, and after a change of it.

use std::io;

use config::{Http, TlsMode};
use testkit::{Authority, Certified};
use tls::{Files, Refusal, Section};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::served::{LARGE, LIVE, QUIET_ENDED, Served};

/// The probe, on a connection that ends with the answer.
const LIVE_LAST: &str = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn settings(certified: &Certified) -> Http {
    Http {
        tls_cert: Some(certified.certificate.clone()),
        tls_key: Some(certified.key.clone()),
        ..Http::default()
    }
}

/// Connects as a client that trusts this authority.
async fn connect(served: &Served, authority: &Authority) -> io::Result<TlsStream<TcpStream>> {
    let files = Files {
        section: Section::Http,
        mode: TlsMode::VerifyFull,
        ca: Some(authority.file()),
        cert: None,
        key: None,
    };
    let config = tls::client::current(&files).unwrap().unwrap();
    let tcp = TcpStream::connect(served.address).await.unwrap();
    TlsConnector::from(config).connect(ServerName::try_from("localhost").unwrap(), tcp).await
}

/// Sends this, and reads until the server has closed the connection as TLS demands.
async fn last_answer(mut stream: TlsStream<TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn requests_are_answered_over_tls() {
    let authority = Authority::new();
    let served = Served::start(&settings(&authority.server(&["localhost"])));
    let mut stream = connect(&served, &authority).await.unwrap();
    // Several on one connection, in small pieces and many at once.
    for byte in LIVE.as_bytes() {
        stream.write_all(&[*byte]).await.unwrap();
    }
    let answer = last_answer(stream, &format!("{LIVE}{LIVE}{LIVE_LAST}")).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 4, "{answer}");
    let large = LIVE_LAST.replace("/livez", "/large");
    let answer = last_answer(connect(&served, &authority).await.unwrap(), &large).await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.len(), LARGE);
}

#[tokio::test]
async fn who_speaks_without_tls_is_told_so() {
    let authority = Authority::new();
    let served = Served::start(&settings(&authority.server(&["localhost"])));
    let mut plain = served.connect().await;
    plain.send(LIVE).await;
    let answer = plain.rest().await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("https://"), "{answer}");
    served.line(|line| line["action"] == "request_refused").await;

    let stranger = Authority::new();
    let why = connect(&served, &stranger).await.unwrap_err();
    assert_eq!(Refusal::of(&why), Some(Refusal::UnknownAuthority));
    served.line(|line| line["action"] == "tls_handshake_failed").await;
}

#[tokio::test]
async fn a_client_that_closes_its_stream_is_noticed() {
    let authority = Authority::new();
    let served = Served::start(&settings(&authority.server(&["localhost"])));
    let mut stream = connect(&served, &authority).await.unwrap();
    stream.write_all(LIVE.replace("/livez", "/quiet").as_bytes()).await.unwrap();
    let mut begin = vec![0; 64];
    assert!(stream.read(&mut begin).await.unwrap() > 0);
    stream.shutdown().await.unwrap();
    testkit::wait::within("the end of the stream", QUIET_ENDED.notified()).await;
}

#[tokio::test]
async fn a_changed_certificate_is_taken_and_a_broken_one_is_not() {
    let (first, second) = (Authority::new(), Authority::new());
    let certified = first.server(&["localhost"]);
    let served = Served::start(&settings(&certified));
    let mut before = connect(&served, &first).await.unwrap();
    // Who has asked once may stay for longer than until the end of the first head.
    before.write_all(LIVE.as_bytes()).await.unwrap();

    std::fs::write(&certified.certificate, "no certificate").unwrap();
    let line = served.line(|line| line["action"] == "certificate_refused").await;
    assert!(line.to_string().contains("HTTP_TLS_CERT"), "{line}");
    certified.become_like(&first.expired_server(&["localhost"]));
    let expired = |line: &serde_json::Value| line.to_string().contains("has expired");
    let line = served.line(expired).await;
    assert_eq!(line["action"], "certificate_refused");
    last_answer(connect(&served, &first).await.unwrap(), LIVE_LAST).await;

    certified.become_like(&second.server(&["localhost"]));
    served.line(|line| line["action"] == "certificate_changed").await;
    let answer = last_answer(connect(&served, &second).await.unwrap(), LIVE_LAST).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // The connection from before goes on.
    let answers = last_answer(before, LIVE_LAST).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
}

/// It may be renewed before anybody asks, so the server starts.
#[tokio::test]
async fn a_certificate_that_is_not_valid_at_the_start_is_told_of() {
    let authority = Authority::new();
    for (years, part) in
        [(2019..2020, "until 2020-01-01T00:00:00Z. Renew it"), (2090..2091, "from 2090-01-01")]
    {
        let served = Served::start(&settings(&authority.server_in_years(&["localhost"], years)));
        let line = served.line(|line| line["action"] == "certificate_not_valid").await;
        let message = line["message"].to_string();
        assert!(message.contains("HTTP_TLS_CERT") && message.contains(part), "{line}");
    }
}

#[tokio::test]
async fn the_service_asks_itself_over_tls() {
    let authority = Authority::new();
    let settings = settings(&authority.server(&["localhost"]));
    let served = Served::start(&settings);
    // It has no /readyz: it answers, over TLS, that there is none.
    let why = http_service::health::probe(&settings, served.address.port()).await.unwrap_err();
    assert!(why.contains("is not ready"), "{why}");
}
