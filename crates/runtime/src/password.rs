//! Generates passwords.

use rand::distr::{Alphanumeric, SampleString};
use secrecy::SecretString;

/// 24 random letters and digits.
pub fn random() -> SecretString {
    Alphanumeric.sample_string(&mut rand::rng(), 24).into()
}
