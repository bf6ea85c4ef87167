//! What the handlers of several services say of themselves beside their code (`utoipa::path`):
//! parameters, problem bodies, and how requests are refused.

mod examples;
mod parameters;
mod problem_body;
mod refusals;
mod samples;
mod texts;

use utoipa::openapi::Ref;

pub use self::examples::Sample;
pub(crate) use self::examples::{add_examples, operations};
pub use self::parameters::{
    IfNoneMatch, ItemIdInPath, LastEventId, NotModified, NumberInPath, OrderNumberInPath, RequestedWith,
    in_header, in_path,
};
pub use self::problem_body::{Fault, ProblemBody};
pub(crate) use self::refusals::any_other;
pub use self::refusals::{Failed, Refused, failed, or_page, responses_of, too_many};
pub use self::samples::healthy;
pub(crate) use self::samples::shared;
pub use self::texts::{one_of, text};

/// A header that several responses have: see `description`.
pub(crate) fn header(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}
