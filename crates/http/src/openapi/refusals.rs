//! Refusals as responses of an operation: one for each status, with an example for each reason.

use std::collections::BTreeMap;

use domain::RequestId;
use serde_json::Value;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use super::text;
use crate::event_stream::too_many_streams;
use crate::problem::{MEDIA_TYPE, Problem};

/// The name of the schema of all problems.
const PROBLEM: &str = "Problem";

/// Makes types of responses (`utoipa::IntoResponses`) out of lists of refusals:
/// `/// Of an order. UnknownOrder: [unknown_order(), failed()];`. Where browsers get a page
/// instead, its statuses are behind the list: `…, page: [404];`.
#[macro_export]
macro_rules! refusals {
    ($($(#[$comment:meta])* $name:ident: $refusals:expr $(, page: [$($status:literal),*])?;)*) => {$(
        $(#[$comment])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl ::utoipa::IntoResponses for $name {
            fn responses() -> ::std::collections::BTreeMap<
                String,
                ::utoipa::openapi::RefOr<::utoipa::openapi::Response>,
            > {
                $crate::openapi::or_page($crate::openapi::responses_of($refusals), [$($($status),*)?])
            }
        }
    )*};
}

crate::refusals! {
    /// How only the inside of a service refuses.
    Failed: [failed()];
}

/// A refusal as the service really answers it, under a name.
#[derive(Clone, Debug)]
pub struct Refused {
    name: &'static str,
    problem: Problem,
}

impl Refused {
    /// `name` tells it apart from others of the same status.
    pub fn new(name: &'static str, problem: Problem) -> Self {
        Self { name, problem }
    }

    /// The request id of examples.
    pub fn request_id() -> RequestId {
        RequestId::from_random(0xd5dc_b710_0e10_10fc)
    }
}

/// What failed is in the log.
pub fn failed() -> Refused {
    Refused::new("failed", Problem::internal(&Refused::request_id()))
}

/// As many streams are open as may be.
pub fn too_many() -> Refused {
    Refused::new("too_many_streams", too_many_streams(&Refused::request_id()))
}

/// The responses of an operation that refuses so.
pub fn responses_of(refused: impl IntoIterator<Item = Refused>) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<Refused>> = BTreeMap::new();
    for each in refused {
        by_status.entry(each.problem.status()).or_default().push(each);
    }
    by_status.into_iter().map(|(status, refused)| (status.to_string(), response(&refused).into())).collect()
}

/// These responses, where those of some statuses are pages to a browser.
pub fn or_page(
    mut responses: BTreeMap<String, RefOr<Response>>,
    statuses: impl IntoIterator<Item = u16>,
) -> BTreeMap<String, RefOr<Response>> {
    for status in statuses {
        if let Some(RefOr::T(response)) = responses.get_mut(&status.to_string()) {
            let page = ContentBuilder::new().schema(Some(text())).build();
            response.content.insert("text/html".to_owned(), RefOr::T(page));
        }
    }
    responses
}

/// The response that any refusal without a description of its own has.
pub(crate) fn any_other() -> Response {
    ResponseBuilder::new()
        .description("Refused otherwise: by the server's limits, or since something failed")
        .content(MEDIA_TYPE, ContentBuilder::new().schema(Some(Ref::from_schema_name(PROBLEM))).build())
        .build()
}

fn response(refused: &[Refused]) -> Response {
    let examples = refused.iter().map(|Refused { name, problem }| {
        let body = serde_json::to_value(problem).unwrap_or(Value::Null);
        (*name, ExampleBuilder::new().summary(problem.detail()).value(Some(body)).build())
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(PROBLEM)))
        .examples_from_iter(examples)
        .build();
    let title = refused.first().map_or("Error", |first| first.problem.title());
    let mut response = ResponseBuilder::new().description(title).content(MEDIA_TYPE, content);
    if refused.iter().any(|each| each.problem.retry_after_seconds().is_some()) {
        response = response.header_ref("Retry-After", super::header("RetryAfter"));
    }
    if refused.iter().any(|each| each.problem.has_challenge()) {
        response = response.header_ref("WWW-Authenticate", super::header("Challenge"));
    }
    response.build()
}
