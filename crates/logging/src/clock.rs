//! The time of a log line.

use domain::timestamp::Timestamp;
use time::OffsetDateTime;

#[expect(clippy::disallowed_methods, reason = "a log line tells the machine's time")]
pub(crate) fn now() -> Timestamp {
    OffsetDateTime::now_utc().into()
}
