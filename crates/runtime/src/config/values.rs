//! Values with limits: one function each reads the text of a variable; the file's readers build on them.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use logging::Level;
use secrecy::SecretString;
use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Reads a number or a text of the file. (In a visitor, so that an error gets the key and the line.)
struct Scalar<T>(fn(&str) -> Result<T, String>);

impl<T> Visitor<'_> for Scalar<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

pub(super) fn parse_port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| format!("is '{text}', which is not a port (allowed: 1 to 65535)"))
}

pub(super) fn parse_connections(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=1000).contains(count));
    count.ok_or_else(|| format!("is '{text}', which is not a number of connections (allowed: 1 to 1000)"))
}

pub(super) fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| {
        format!("is '{text}', which is not a time in seconds (allowed: 0 to 86400, fractions too)")
    })
}

pub(super) fn parse_address(text: &str) -> Result<IpAddr, String> {
    text.parse()
        .map_err(|_| format!("is '{text}', which is not an IP address (such as 127.0.0.1, 0.0.0.0 or ::1)"))
}

pub(super) fn parse_level(text: &str) -> Result<String, String> {
    match text.parse::<Level>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("is '{text}', which is not a log level (allowed: {})", Level::NAMES)),
    }
}

pub(super) fn parse_switch(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("is '{text}' (allowed: true, false)"))
}

/// Shorter ones are guessed.
const MIN_KEY: usize = 12;

pub(super) fn parse_key(text: &str) -> Result<SecretString, String> {
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err(
            "begins or ends with a space, or has control characters, which no header can carry".to_owned()
        );
    }
    match text.chars().count() {
        0 => Err("is empty (leave it out if nobody is staff)".to_owned()),
        1..MIN_KEY => Err(format!("is too short to be a key (at least {MIN_KEY} characters)")),
        _ => Ok(text.into()),
    }
}

pub(super) fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    deserializer.deserialize_any(Scalar(parse_port))
}

pub(super) fn connections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    deserializer.deserialize_any(Scalar(parse_connections))
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(Scalar(parse_seconds))
}

/// Empty: there is none.
pub(super) fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    deserializer.deserialize_any(Scalar(|text| if text.is_empty() { Ok("".into()) } else { parse_key(text) }))
}

pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpAddr, D::Error> {
    deserializer.deserialize_any(Scalar(parse_address))
}

pub(super) fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_any(Scalar(parse_level))
}
