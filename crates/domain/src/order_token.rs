//! The capability that placing an order returns: who holds it may cancel that order.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::OrderNumber;

type HmacSha256 = Hmac<Sha256>;

/// The key that order tokens are made with; all order services of a restaurant share one.
#[derive(Clone)]
pub struct OrderTokenKey(HmacSha256);

impl fmt::Debug for OrderTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderTokenKey(..)")
    }
}

impl OrderTokenKey {
    /// A key from secret bytes of any length.
    pub fn new(secret: &[u8]) -> Option<Self> {
        HmacSha256::new_from_slice(secret).ok().map(Self)
    }

    /// The token of an order: 43 letters, digits, `-` and `_` that nobody can guess without the key.
    pub fn token(&self, number: &OrderNumber) -> String {
        URL_SAFE_NO_PAD.encode(self.code(*number).finalize().into_bytes())
    }

    /// Whether `token` is that of the order. Takes the same time whichever byte is wrong.
    pub fn fits(&self, number: &OrderNumber, token: &[u8]) -> bool {
        URL_SAFE_NO_PAD.decode(token).is_ok_and(|code| self.code(*number).verify_slice(&code).is_ok())
    }

    fn code(&self, number: OrderNumber) -> HmacSha256 {
        self.0.clone().chain_update(number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_its_order_and_no_other() {
        let key = OrderTokenKey::new(b"secret").unwrap();
        let number: OrderNumber = "ORD_20261121_001".parse().unwrap();
        let token = key.token(&number);
        assert_eq!(token.len(), 43);
        assert!(key.fits(&number, token.as_bytes()));
        assert!(!key.fits(&"ORD_20261121_002".parse().unwrap(), token.as_bytes()));
        assert!(!OrderTokenKey::new(b"other").unwrap().fits(&number, token.as_bytes()));
        for wrong in ["", "0", "zz", "==", &token[..42], &format!("{token}00"), "é"] {
            assert!(!key.fits(&number, wrong.as_bytes()), "{wrong:?}");
        }
        assert!(!format!("{key:?}").contains("secret"));
    }
}
