//! Spans that have ended and are to be sent.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::labels::DropReason;
use crate::metrics::{SPANS_DROPPED, SPANS_EXPORTED};

/// Most spans that wait: about 2 MiB. Without a limit, a collector that is away would cost all the
/// memory that there is.
const MAX_WAITING: usize = 2_048;
/// Most spans of a batch.
const MAX_BATCH: usize = 512;
/// How long a batch waits for more spans.
const MAX_LINGER: Duration = Duration::from_secs(1);

/// Where spans go when they end. It never waits.
#[derive(Clone, Debug)]
pub(super) struct Queue(mpsc::Sender<SpanData>);

/// The spans that have ended, in batches, each as the body of a request to
/// [OTLP over HTTP](https://opentelemetry.io/docs/specs/otlp/#otlphttp).
#[derive(Debug)]
pub struct Finished {
    spans: mpsc::Receiver<SpanData>,
    /// Those of the next batch.
    gathered: Vec<SpanData>,
    resource: ResourceAttributesWithSchema,
}

/// Spans to send. Until it is told that they were exported, they count as dropped.
#[derive(Debug)]
#[must_use = "a batch that is dropped is counted as lost"]
pub struct Batch {
    /// The body of the request (protobuf).
    pub body: Vec<u8>,
    spans: u64,
}

/// A queue for spans of this resource.
pub(super) fn queue(resource: &Resource) -> (Queue, Finished) {
    let (sender, spans) = mpsc::channel(MAX_WAITING);
    (Queue(sender), Finished { spans, gathered: Vec::new(), resource: resource.into() })
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.0.try_send(span).is_err() {
            SPANS_DROPPED.of(DropReason::QueueFull).inc();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Finished {
    /// The next batch: never empty. It waits until there are spans, and then a little for more. It
    /// is safe to give up waiting.
    pub async fn next(&mut self) -> Batch {
        if self.gathered.is_empty() && self.spans.recv_many(&mut self.gathered, MAX_BATCH).await == 0 {
            // Nobody can end a span any more.
            return std::future::pending().await;
        }
        let until = Instant::now() + MAX_LINGER;
        while self.gathered.len() < MAX_BATCH {
            let room = MAX_BATCH - self.gathered.len();
            match timeout_at(until, self.spans.recv_many(&mut self.gathered, room)).await {
                Ok(more) if more > 0 => {}
                Ok(_) | Err(_) => break,
            }
        }
        self.batch()
    }

    /// What has ended by now, if anything has.
    pub fn rest(&mut self) -> Option<Batch> {
        while self.gathered.len() < MAX_BATCH
            && let Ok(span) = self.spans.try_recv()
        {
            self.gathered.push(span);
        }
        (!self.gathered.is_empty()).then(|| self.batch())
    }

    fn batch(&mut self) -> Batch {
        let gathered = std::mem::take(&mut self.gathered);
        let spans = u64::try_from(gathered.len()).unwrap_or(u64::MAX);
        let resource_spans = group_spans_by_resource_and_scope(gathered, &self.resource);
        Batch { body: ExportTraceServiceRequest { resource_spans }.encode_to_vec(), spans }
    }
}

impl Batch {
    /// The collector has taken them, but for so many that it rejected.
    pub fn exported(mut self, rejected: u64) {
        let spans = std::mem::take(&mut self.spans);
        let rejected = rejected.min(spans);
        SPANS_DROPPED.of(DropReason::Rejected).inc_by(rejected);
        SPANS_EXPORTED.inc_by(spans - rejected);
    }

    /// How many spans it has.
    pub fn spans(&self) -> u64 {
        self.spans
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        SPANS_DROPPED.of(DropReason::NotExported).inc_by(self.spans);
    }
}
