//! Spans and their queue. What is set is set for the whole process, so there is one test.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // so does a test fail

use domain::{RequestId, TraceParent};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use telemetry::labels::{Batch, DropReason};
use telemetry::metrics::{SPANS_DROPPED, SPANS_EXPORTED};
use telemetry::traces::conventions::{self, Age};
use telemetry::traces::{self, Caller, Finished, Root, Sampling, Settings};

/// Most spans that wait.
const MOST: u64 = 2_048;

fn parent(flags: u8) -> Option<TraceParent> {
    TraceParent::new(7, 8, flags)
}

fn id(trace: Option<TraceParent>) -> RequestId {
    RequestId::parse("req-1").unwrap().with_trace(trace)
}

/// The spans that have ended.
fn ended(finished: &mut Finished) -> Vec<Span> {
    let Some(batch) = finished.rest() else { return Vec::new() };
    let request = ExportTraceServiceRequest::decode(batch.body.as_slice()).unwrap();
    batch.exported(0);
    request.resource_spans.into_iter().flat_map(|of| of.scope_spans).flat_map(|of| of.spans).collect()
}

#[tokio::test]
async fn spans_are_recorded_where_they_are_sampled_and_counted_where_they_are_lost() {
    // Until it is set, nothing is recorded, and callers are believed.
    assert!(!conventions::store_order(&id(parent(1))).is_recorded());
    assert_eq!(Caller::from(parent(1)), Caller::Trusted(parent(1).unwrap()));

    let settings = Settings {
        service: "order-service",
        sampling: Some(Sampling { follows_parent: true, root: Root::None }),
        trusts_callers: true,
        database: "restaurant_db".to_owned(),
    };
    let mut finished = traces::start(settings.clone()).unwrap();
    assert!(traces::start(settings).is_none(), "it is set once");

    // Of callers that say no, or nothing, there is no span: the caller's place goes on.
    for trace in [None, parent(0)] {
        let span = conventions::http_request(trace.into(), "GET", "/", false, &id(trace));
        assert!(!span.is_recorded());
        assert_eq!(span.around(id(trace)).trace(), trace);
    }
    assert!(ended(&mut finished).is_empty());

    // Of one that says yes there is, and what comes after it is below it.
    let mut request = conventions::http_request(parent(1).into(), "GET", "/menu", true, &id(None));
    let within = request.around(id(None));
    assert_eq!(within.trace(), request.trace());
    drop(conventions::statement(Batch::LookUp, [None, within.trace(), parent(1)].into_iter(), 3));
    conventions::answered(&mut request, "GET", Some("/menu"), 503);
    drop(request);
    let spans = ended(&mut finished);
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["SELECT orders", "GET /menu"]);
    assert_eq!(spans[0].parent_span_id, spans[1].span_id);
    assert_eq!(spans[0].links.len(), 2);
    assert_eq!(spans[1].parent_span_id, 8_u64.to_be_bytes());
    assert_eq!(spans[1].status.as_ref().unwrap().code, 2);

    // A statement links to all that share it.
    drop(conventions::statement(Batch::LookUp, std::iter::repeat_n(parent(1), 512), 512));
    let spans = ended(&mut finished);
    assert_eq!((spans[0].links.len(), spans[0].dropped_links_count), (512, 0));

    // What is sent long after its commit begins a trace, although the sampler would record none.
    let message = conventions::Message { exchange: "x", routing_key: "", message_id: "1", size: 2 };
    drop(conventions::publish(&message, parent(0), Age::Old));
    drop(conventions::publish(&message, parent(1), Age::Old));
    let spans = ended(&mut finished);
    assert_eq!(spans.len(), 1);
    assert!(spans[0].parent_span_id.is_empty() && spans[0].trace_id != 7_u128.to_be_bytes());
    assert_eq!(spans[0].links[0].trace_id, 7_u128.to_be_bytes());

    // More than the queue holds is dropped. A batch that nobody took is, too.
    let exported = SPANS_EXPORTED.get();
    for _ in 0..MOST + 10 {
        drop(conventions::store_order(&id(parent(1))));
    }
    assert_eq!(SPANS_DROPPED.of(DropReason::QueueFull).get(), 10);
    let batch = finished.next().await;
    let lost = batch.spans();
    drop(batch);
    assert_eq!(SPANS_DROPPED.of(DropReason::NotExported).get(), lost);
    finished.next().await.exported(3);
    assert_eq!(SPANS_DROPPED.of(DropReason::Rejected).get(), 3);
    let mut left = 0;
    while let Some(batch) = finished.rest() {
        left += batch.spans();
        batch.exported(0);
    }
    assert_eq!(SPANS_EXPORTED.get() - exported, MOST - lost - 3);
    assert!(left < MOST - lost);
}
