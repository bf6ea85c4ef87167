//! A collector of traces: OTLP over HTTP/1.1, one request a connection.

use std::fmt;
use std::io;
use std::time::Duration;

use config::{Telemetry, WebUrl};
use runtime::http_client::{Posted, post};
use secrecy::ExposeSecret as _;
use telemetry::traces::rejected_spans;
use tls::{Files, FilesError, Refusal, Section};
use tokio::net::TcpStream;

/// The media type of requests, and of the answers that are understood.
const PROTOBUF: &str = "application/x-protobuf";

/// Where traces are sent.
pub(super) struct Collector {
    url: WebUrl,
    /// As the socket and the certificate want it.
    host: String,
    port: u16,
    path: String,
    headers: Vec<(String, String)>,
    files: Files,
}

/// Why spans were not sent. Headers are in no error.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("the collector did not take them within {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("the collector cannot be reached")]
    Io(#[from] io::Error),
    #[error("the collector cannot be used: {why}; {}", .why.advice(Section::Telemetry))]
    Tls { why: Refusal },
    #[error("the certificates cannot be used")]
    Files(#[from] FilesError),
    #[error("the collector answered with status {0}")]
    Status(u16),
    #[error("the collector's answer is none of OTLP")]
    Garbage,
}

impl Collector {
    /// The collector of the settings, if they name one.
    pub(super) fn of(settings: &Telemetry) -> Option<Self> {
        let url = settings.otlp_endpoint.clone()?;
        let authority = url.origin().split_once("://").map_or("", |(_, authority)| authority);
        let (host, port) = match authority.rsplit_once(':') {
            // The port behind an IPv6 address, and not a part of it.
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
            _ => (authority, None),
        };
        let port = port.unwrap_or(if url.is_https() { 443 } else { 80 });
        Some(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            path: format!("{}/v1/traces", url.path().as_str()),
            // The configuration has checked them.
            headers: config::otlp_headers(settings.otlp_headers.expose_secret()).unwrap_or_default(),
            files: settings.into(),
            url,
        })
    }

    /// Sends a request, and returns how many of its spans were rejected. The caller limits the
    /// time.
    pub(super) async fn send(&self, body: &[u8]) -> Result<u64, SendError> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let request = Posted {
            host: self.url.origin().split_once("://").map_or("", |(_, authority)| authority),
            path: &self.path,
            content_type: PROTOBUF,
            headers: &self.headers,
            body,
        };
        let answer = match tls::client::current(&self.files)? {
            None => post(tcp, &request).await?,
            Some(config) => {
                // Some servers refuse a client only when it has begun to speak.
                let answered = async {
                    let stream = tls::client::connect(config, &self.host, tcp).await?;
                    post(stream, &request).await
                };
                answered.await.map_err(over_tls)?
            }
        };
        match answer.status {
            // An answer of another type says no more than its status.
            200..300 if answer.content_type.starts_with(PROTOBUF) => {
                rejected_spans(&answer.body).ok_or(SendError::Garbage)
            }
            200..300 => Ok(0),
            status => Err(SendError::Status(status)),
        }
    }
}

/// What failed on a connection over TLS.
fn over_tls(why: io::Error) -> SendError {
    match Refusal::of(&why) {
        Some(why) => SendError::Tls { why },
        None => SendError::Io(why),
    }
}

impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.url.origin(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_says_where_traces_go() {
        for (url, host, port, shown) in [
            ("http://localhost:4318", "localhost", 4318, "http://localhost:4318/v1/traces"),
            ("https://otel.example/", "otel.example", 443, "https://otel.example/v1/traces"),
            ("http://[::1]:4318/otlp", "::1", 4318, "http://[::1]:4318/otlp/v1/traces"),
            ("http://[::1]", "::1", 80, "http://[::1]/v1/traces"),
        ] {
            let settings = Telemetry { otlp_endpoint: url.parse().ok(), ..Telemetry::default() };
            let collector = Collector::of(&settings).unwrap();
            assert_eq!((collector.host.as_str(), collector.port), (host, port), "{url}");
            assert_eq!(collector.to_string(), shown);
        }
        assert!(Collector::of(&Telemetry::default()).is_none());
    }
}
