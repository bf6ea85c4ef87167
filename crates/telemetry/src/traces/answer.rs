//! What a collector answers.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;

/// How many spans of a request the collector rejected, by the body of its answer (protobuf).
/// `None`: this is no such answer.
pub fn rejected_spans(body: &[u8]) -> Option<u64> {
    let answer = ExportTraceServiceResponse::decode(body).ok()?;
    let rejected = answer.partial_success.map_or(0, |partly| partly.rejected_spans);
    Some(u64::try_from(rejected).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    use super::*;

    #[test]
    fn an_answer_says_how_many_were_rejected() {
        let answer = |rejected_spans| ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess { rejected_spans, error_message: String::new() }),
        };
        assert_eq!(rejected_spans(&answer(3).encode_to_vec()), Some(3));
        assert_eq!(rejected_spans(&answer(-3).encode_to_vec()), Some(0));
        assert_eq!(rejected_spans(b""), Some(0));
        assert_eq!(rejected_spans(b"<html>"), None);
    }
}
