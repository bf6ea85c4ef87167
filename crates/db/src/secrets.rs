//! `secrets`: shared by all order services. The migration creates them.

use domain::OrderTokenKey;

use crate::database::{Database, DbError};

/// The key for order tokens.
///
/// # Errors
/// The database failed, or the key was removed.
pub async fn order_token_key(db: &Database) -> Result<OrderTokenKey, DbError> {
    let row = db.query_opt("select value from secrets where name = 'order-token'", &[]).await?;
    let secret: Vec<u8> =
        row.ok_or_else(|| DbError::unexpected("the table secrets has no row 'order-token'"))?.try_get(0)?;
    OrderTokenKey::new(&secret).ok_or_else(|| DbError::unexpected("the secret 'order-token' is unusable"))
}
