//! Who may change an order: its guest by the token that placing it returned, the staff by their
//! key.

use domain::{OrderIdentity, OrderNumber, OrderTokenKey};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// Who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The guest who placed the order of this identity.
    Guest(OrderIdentity),
    /// Somebody who has the staff's key.
    Staff,
}

/// What somebody shows to prove who asks.
#[derive(Clone, Copy)]
pub enum Credentials<'a> {
    /// The token that placing the order returned.
    OrderToken(&'a [u8]),
    /// The staff's key; `None` if what was shown cannot be one.
    StaffKey(Option<&'a [u8]>),
    /// Nothing.
    Nothing,
}

/// Why it is not known who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    #[error("there are no credentials")]
    Missing,
    #[error("the token is not the one that placing the order returned")]
    WrongToken,
    /// Nobody is staff here.
    #[error("no staff key is configured")]
    NoStaffKey,
    /// A guess at the staff's key.
    #[error("this is not the staff's key")]
    WrongStaffKey,
}

impl Credentials<'_> {
    /// Whether this is the staff. A guest's token proves nothing of the kind.
    ///
    /// # Errors
    /// The key is missing or wrong, or nobody is staff.
    pub fn verify_staff(self, staff_key: &SecretString) -> Result<(), CredentialsError> {
        match self {
            Self::OrderToken(_) | Self::Nothing => Err(CredentialsError::Missing),
            Self::StaffKey(_) if staff_key.expose_secret().is_empty() => Err(CredentialsError::NoStaffKey),
            Self::StaffKey(Some(key)) if bool::from(key.ct_eq(staff_key.expose_secret().as_bytes())) => {
                Ok(())
            }
            Self::StaffKey(_) => Err(CredentialsError::WrongStaffKey),
        }
    }

    /// Tells who asks. Nothing here depends on whether the order exists. Whether a guest's order is
    /// the one that has the number is asked when it is changed.
    ///
    /// # Errors
    /// The credentials are missing or wrong.
    pub fn verify(
        self,
        number: OrderNumber,
        tokens: &OrderTokenKey,
        staff_key: &SecretString,
    ) -> Result<Principal, CredentialsError> {
        match self {
            Self::OrderToken(token) => {
                tokens.verify(&number, token).map(Principal::Guest).ok_or(CredentialsError::WrongToken)
            }
            Self::Nothing | Self::StaffKey(_) => self.verify_staff(staff_key).map(|()| Principal::Staff),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    #[test]
    fn credentials_prove_who_asks() {
        let tokens = OrderTokenKey::new(b"secret").unwrap();
        let (number, other): (OrderNumber, OrderNumber) =
            ("ORD_20261130_001".parse().unwrap(), "ORD_20261130_002".parse().unwrap());
        let identity = OrderIdentity::new(1, [2; 10]);
        let token = tokens.token(&number, &identity);
        let verify = |credentials: Credentials<'_>, number, staff_key: &str| {
            credentials.verify(number, &tokens, &staff_key.into())
        };
        let token = Credentials::OrderToken(token.as_bytes());
        assert_eq!(verify(token, number, "key"), Ok(Principal::Guest(identity)));
        assert_eq!(verify(token, other, "key"), Err(CredentialsError::WrongToken));
        assert_eq!(verify(Credentials::Nothing, number, "key"), Err(CredentialsError::Missing));
        assert_eq!(verify(Credentials::StaffKey(Some(b"key")), number, "key"), Ok(Principal::Staff));
        for wrong in [None, Some(&b""[..]), Some(b"keys"), Some(b"Key")] {
            let credentials = Credentials::StaffKey(wrong);
            assert_eq!(verify(credentials, number, "key"), Err(CredentialsError::WrongStaffKey));
            assert_eq!(verify(credentials, number, ""), Err(CredentialsError::NoStaffKey));
        }
    }
}
