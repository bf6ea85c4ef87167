//! The column `traceparent`: the place of a row's request in a trace.

use domain::{RequestId, TraceParent};
use tokio_postgres::Row;

use crate::error::DbError;

/// The column's value; null if the request is in no trace.
pub(crate) fn of(id: &RequestId) -> Option<String> {
    id.trace().map(|trace| trace.to_string())
}

/// Reads it. What cannot be read is none: it is no reason to keep a message back.
pub(crate) fn read(row: &Row) -> Result<Option<TraceParent>, DbError> {
    let text: Option<&str> = row.try_get("traceparent")?;
    Ok(text.and_then(TraceParent::parse))
}
