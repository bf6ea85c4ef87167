//! Parameters, and an answer, that several operations have.

use std::collections::BTreeMap;

use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::{RefOr, Required, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::texts::text;

/// Makes types of parameters (`utoipa::IntoParams`):
/// `/// Of a header. Language: in_header("Accept-Language", "…");`.
#[macro_export]
macro_rules! parameters {
    ($($(#[$comment:meta])* $name:ident: $parameter:expr;)*) => {$(
        $(#[$comment])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl ::utoipa::IntoParams for $name {
            fn into_params(
                _: impl Fn() -> Option<::utoipa::openapi::path::ParameterIn>,
            ) -> Vec<::utoipa::openapi::path::Parameter> {
                vec![$parameter.build()]
            }
        }
    )*};
}

crate::parameters! {
    /// `If-None-Match`.
    IfNoneMatch: in_header("If-None-Match", "The `ETag` of an earlier response. Nothing new: 304.");
    /// `Last-Event-ID`.
    LastEventId: in_header("Last-Event-ID", "The id of the last event that was seen. What came since is sent first.");
    /// `X-Requested-With`.
    RequestedWith: in_header(
        "X-Requested-With",
        "`restaurant`, in a change that is asked for by the cookie of a sign-in. A key needs none.",
    );
    /// `{number}` in the path.
    NumberInPath: in_path::<domain::OrderNumber>("number", "The order's number.");
    /// `{order_number}` in the path.
    OrderNumberInPath: in_path::<domain::OrderNumber>("order_number", "The order's number.");
    /// `{id}` in the path.
    ItemIdInPath: in_path::<domain::MenuItemId>("id", "The item's id.");
}

/// A text in a header, which may be left out.
pub fn in_header(name: &str, description: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(text()))
}

/// A part of the path.
pub fn in_path<T: ToSchema>(name: &str, description: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(T::schema()))
}

/// 304: the client has the body already.
#[derive(Clone, Copy, Debug)]
pub struct NotModified;

impl IntoResponses for NotModified {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let response = ResponseBuilder::new().description("The client has it already (`If-None-Match`)");
        [("304".to_owned(), response.build().into())].into()
    }
}
