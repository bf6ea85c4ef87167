//! A collector of traces: it takes OTLP over HTTP, and decodes what arrives.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::service::Launch;
use crate::wait::eventually;

/// How a collector treats who sends it something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It takes everything.
    Taking,
    /// It takes a request but for so many of its spans.
    Rejecting(i64),
    /// It reads, and never answers.
    Silent,
    /// It answers at once, with an endless body of nothing.
    Lying,
    /// It answers in its own type, with what that type does not mean.
    Garbage,
    /// It answers that it cannot.
    Failing,
}

/// A span, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The service that sent it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its kind, such as `SPAN_KIND_SERVER`.
    pub kind: &'static str,
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// Those of its parent; empty without one.
    pub parent_id: String,
    /// The spans that it points to: traces and spans.
    pub links: Vec<(String, String)>,
    /// Its attributes, as texts.
    pub attributes: HashMap<String, String>,
    /// Whether it failed.
    pub is_error: bool,
}

/// A collector. Dropping it closes its port and all connections.
pub struct Collector {
    port: u16,
    recorded: Arc<Mutex<Vec<Recorded>>>,
    serving: JoinHandle<()>,
}

impl Collector {
    /// One that takes everything.
    pub async fn start() -> Self {
        Self::with(Manner::Taking).await
    }

    /// One that behaves so.
    pub async fn with(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let recorded = Arc::<Mutex<Vec<Recorded>>>::default();
        let all = Arc::clone(&recorded);
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, manner, Arc::clone(&all)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { port, recorded, serving }
    }

    /// The variables with which a service sends its traces here. `sampler` is the name of one, and
    /// its argument.
    pub fn variables(&self, (sampler, argument): (&str, &str)) -> [(&'static str, String); 3] {
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{}", self.port)),
            ("OTEL_TRACES_SAMPLER", sampler.to_owned()),
            ("OTEL_TRACES_SAMPLER_ARG", argument.to_owned()),
        ]
    }

    /// The service sends its traces here, by [these variables](Self::variables).
    #[must_use]
    pub fn collecting(&self, launch: Launch, sampler: (&str, &str)) -> Launch {
        self.variables(sampler).into_iter().fold(launch, |launch, (name, value)| launch.env(name, value))
    }

    /// The service sends all of its traces here.
    #[must_use]
    pub fn collecting_all(&self, launch: Launch) -> Launch {
        self.collecting(launch, ("parentbased_always_on", ""))
    }

    /// What has arrived.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a span that fits.
    pub async fn span(&self, what: &str, fits: impl Fn(&Recorded) -> bool) -> Recorded {
        eventually(what, async || self.recorded().into_iter().find(|span| fits(span))).await
    }

    /// Waits for the span of this name below this one.
    pub async fn child(&self, parent: &Recorded, name: &str) -> Recorded {
        let what = format!("'{name}' below '{}'", parent.name);
        self.span(&what, |span| {
            span.name == name && span.trace_id == parent.trace_id && span.parent_id == parent.span_id
        })
        .await
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, manner: Manner, all: Arc<Mutex<Vec<Recorded>>>) -> Option<()> {
    let body = read_request(&mut stream).await?;
    let answer = match manner {
        Manner::Silent => return std::future::pending().await,
        Manner::Lying => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
            loop {
                stream.write_all(&[0; 4_096]).await.ok()?;
            }
        }
        Manner::Garbage => Some(b"<html>this is no protobuf</html>".to_vec()),
        Manner::Failing => None,
        Manner::Taking | Manner::Rejecting(_) => {
            let request = ExportTraceServiceRequest::decode(body.as_slice()).ok()?;
            all.lock().unwrap_or_else(PoisonError::into_inner).extend(spans(request));
            let rejected = if let Manner::Rejecting(spans) = manner { spans } else { 0 };
            let partly = ExportTracePartialSuccess { rejected_spans: rejected, error_message: String::new() };
            let partial_success = (rejected > 0).then_some(partly);
            Some(ExportTraceServiceResponse { partial_success }.encode_to_vec())
        }
    };
    let (status, body) = answer.map_or(("503 Unavailable", Vec::new()), |body| ("200 OK", body));
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).await.ok()
}

/// The body of a request for traces.
async fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("Content-Type: application/x-protobuf"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "))?;
        let (start, length) = (end + 4, length.parse::<usize>().ok()?);
        if let Some(body) = bytes.get(start..start + length) {
            return Some(body.to_vec());
        }
    }
}

fn spans(request: ExportTraceServiceRequest) -> Vec<Recorded> {
    let mut all = Vec::new();
    for of_resource in request.resource_spans {
        let resource = attributes(of_resource.resource.unwrap_or_default().attributes);
        let service = resource.get("service.name").cloned().unwrap_or_default();
        let spans = of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans);
        all.extend(spans.map(|span| recorded(&service, span)));
    }
    all
}

fn recorded(service: &str, span: Span) -> Recorded {
    let kind = span.kind().as_str_name();
    assert_ne!(kind, SpanKind::Unspecified.as_str_name(), "{span:?}");
    assert!(span.end_time_unix_nano >= span.start_time_unix_nano, "{span:?}");
    Recorded {
        service: service.to_owned(),
        is_error: span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error),
        name: span.name,
        kind,
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_id: hex(&span.parent_span_id),
        links: span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect(),
        attributes: attributes(span.attributes),
    }
}

fn attributes(all: Vec<KeyValue>) -> HashMap<String, String> {
    let text = |value| match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    all.into_iter().map(|one| (one.key, text(one.value.and_then(|any| any.value)))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}
