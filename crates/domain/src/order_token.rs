//! The capability that placing an order returns: its holder may cancel that order.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::{OrderIdentity, OrderNumber};

type HmacSha256 = Hmac<Sha256>;

/// Length of the identity at the start of a token, in bytes.
const IDENTITY_LENGTH: usize = 16;

/// The key of all order tokens. All order services of one system share it.
#[derive(Clone)]
pub struct OrderTokenKey(HmacSha256);

impl fmt::Debug for OrderTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderTokenKey(..)")
    }
}

impl OrderTokenKey {
    /// Makes a key from secret bytes of any length.
    pub fn new(secret: &[u8]) -> Option<Self> {
        HmacSha256::new_from_slice(secret).ok().map(Self)
    }

    /// Makes the token of an order: the identity and an HMAC of identity and number, in URL-safe
    /// base64. It has 64 characters and cannot be guessed without the key.
    pub fn token(&self, number: &OrderNumber, identity: &OrderIdentity) -> String {
        let code = self.code(*number, identity).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([identity.as_bytes().as_slice(), &code].concat())
    }

    /// Returns the identity in the token if the token was made with this key and for this number.
    /// The comparison takes constant time.
    ///
    /// The caller must still check in the database that the order of this number has that identity.
    pub fn verify(&self, number: &OrderNumber, token: &[u8]) -> Option<OrderIdentity> {
        let token = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (identity, code) = token.split_at_checked(IDENTITY_LENGTH)?;
        let identity = OrderIdentity::from(Uuid::from_slice(identity).ok()?);
        self.code(*number, &identity).verify_slice(code).ok()?;
        Some(identity)
    }

    /// The identity has a fixed length, so different pairs of identity and number never make the
    /// same text.
    fn code(&self, number: OrderNumber, identity: &OrderIdentity) -> HmacSha256 {
        self.0.clone().chain_update(identity.as_bytes()).chain_update(number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_verified_for_its_order_and_no_other() {
        let key = OrderTokenKey::new(b"secret").unwrap();
        let number: OrderNumber = "ORD_20261121_001".parse().unwrap();
        let identity = OrderIdentity::new(1, [7; 10]);
        let token = key.token(&number, &identity);
        assert_eq!(token.len(), 64);
        assert_eq!(key.verify(&number, token.as_bytes()), Some(identity));
        assert_eq!(key.verify(&"ORD_20261121_002".parse().unwrap(), token.as_bytes()), None);
        assert_eq!(OrderTokenKey::new(b"other").unwrap().verify(&number, token.as_bytes()), None);
        let of_another = key.token(&number, &OrderIdentity::new(1, [8; 10]));
        let spliced = format!("{}{}", &of_another[..22], &token[22..]);
        for wrong in ["", "0", "zz", "==", &token[..63], &token[..43], &format!("{token}00"), &spliced, "é"]
        {
            assert_eq!(key.verify(&number, wrong.as_bytes()), None, "{wrong:?}");
        }
        assert!(!format!("{key:?}").contains("secret"));
    }

    #[test]
    fn the_next_order_of_the_same_number_has_another_token() {
        let key = OrderTokenKey::new(b"secret").unwrap();
        let number: OrderNumber = "ORD_20261121_001".parse().unwrap();
        let (first, second) = (OrderIdentity::new(1, [1; 10]), OrderIdentity::new(1, [2; 10]));
        assert_ne!(key.token(&number, &first), key.token(&number, &second));
        assert_eq!(key.verify(&number, key.token(&number, &first).as_bytes()), Some(first));
    }
}
