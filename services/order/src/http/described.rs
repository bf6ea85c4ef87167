//! What handlers say of themselves beside their code: bodies that they take, how they refuse, and
//! the header that only this service has.

mod refusals;
pub mod requests;

use domain::IdempotencyKey;
use http_service::openapi::{in_header, text};

pub use self::refusals::{
    CancelRefused, CheckRefused, CompleteRefused, DeadLettersRefused, ItemEditRefused, ItemRefused,
    LeftRefused, MenuRefused, PauseRefused, PlacingRefused, QuoteRefused, RestockRefused, SoldOutRefused,
    StaffPageRefused,
};

http_service::parameters! {
    /// `Idempotency-Key`.
    IdempotencyKeyHeader: in_header(
        "Idempotency-Key",
        "The client's name for this attempt, best a UUID. A repeated request with it is answered with the order that the first one placed.",
    )
    .schema(Some(
        text()
            .min_length(Some(1))
            .max_length(Some(IdempotencyKey::MAX_LENGTH))
            .pattern(Some(r"^[!#-+\--\[\]-~]+$")),
    ));
}
