//! What handlers say of themselves beside their code: bodies that they take, how they refuse, and
//! the header that only this service has.

mod refusals;
pub mod requests;

use domain::IdempotencyKey;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

pub use self::refusals::{
    CancelRefused, CheckRefused, CompleteRefused, DeadLettersRefused, ItemEditRefused, ItemRefused,
    LeftRefused, MenuRefused, PauseRefused, PlacingRefused, QuoteRefused, RestockRefused, SoldOutRefused,
    StaffPageRefused,
};

/// `Idempotency-Key`.
pub struct IdempotencyKeyHeader;

impl IntoParams for IdempotencyKeyHeader {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .min_length(Some(1))
            .max_length(Some(IdempotencyKey::MAX_LENGTH))
            .pattern(Some(r"^[!#-+\--\[\]-~]+$"));
        let description = "The client's name for this attempt, best a UUID. A repeated request with it is answered with the order that the first one placed.";
        let header = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(description))
            .schema(Some(schema));
        vec![header.build()]
    }
}
