//! The kinds of values that say how much a client may ask for, and who a client is.

use crate::Networks;
use crate::kinds::{Kind, plain};

/// No server of ours answers more in a second.
const MAX_RATE: u32 = 1_000_000;

/// How many requests a client may send in a second.
pub(crate) const RATE: Kind<u32> = Kind {
    allowed: "0 to 1000000; 0: no limit",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        let rate = text.parse().ok().filter(|rate| *rate <= MAX_RATE);
        rate.ok_or_else(|| {
            format!("is '{text}', which is not a number of requests (allowed: {})", RATE.allowed)
        })
    },
    write: u32::to_string,
    show: |rate| Some(if *rate == 0 { "0: no limit".to_owned() } else { rate.to_string() }),
};

/// Networks of IP addresses.
pub(crate) const NETWORKS: Kind<Networks> = Kind {
    allowed: "addresses such as 192.0.2.7, and networks such as 10.0.0.0/8, separated by commas, or nothing",
    is_secret: false,
    names_a_file: false,
    parse: |text| text.parse().map_err(|why: crate::ParseNetworksError| why.to_string()),
    write: Networks::written,
    show: plain,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_in_words_is_the_one_that_holds() {
        assert!(RATE.allowed.starts_with(&format!("0 to {MAX_RATE};")));
    }
}
