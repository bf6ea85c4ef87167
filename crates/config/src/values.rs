//! Values with limits: one function each reads the text of a variable; the file's
//! readers build on them.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use logging::Level;
use secrecy::SecretString;
use serde::Deserializer;
use serde::de::{Error, Visitor};

use crate::hosts;
use crate::{HostNames, Origins};

/// Reads a value of the file as it was written, whether it looks like a number or not. (In a
/// visitor, so that an error gets the key and the line.)
struct Written<T>(fn(&str) -> Result<T, String>);

impl<T> Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// A name or an address: a space at one of its ends is a mistake that nobody sees.
pub(super) fn parse_name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("is empty (leave it out for the default)".to_owned());
    }
    if text.trim() != text {
        return Err("begins or ends with a space".to_owned());
    }
    parse_text(text)
}

/// Any text that a person can type. The text itself is not in the error: it may be a secret.
pub(super) fn parse_text(text: &str) -> Result<String, String> {
    match text.chars().find(|character| character.is_control()) {
        Some(control) => Err(format!("has a control character (U+{:04X})", u32::from(control))),
        None => Ok(text.to_owned()),
    }
}

pub(super) fn parse_password(text: &str) -> Result<SecretString, String> {
    parse_text(text).map(Into::into)
}

pub(super) fn parse_port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| format!("is '{text}', which is not a port (allowed: 1 to 65535)"))
}

/// Where a server is: one host, or several, as [`hosts::parse_hosts`] reads them.
pub(super) fn parse_hosts(text: &str) -> Result<String, String> {
    let name = parse_name(text)?;
    hosts::parse_hosts(&name, 1).map(|_| name)
}

/// The least number that works: a service keeps one connection for what must not wait for others
/// (heartbeats) or what may take long (the relay). The others need two, so that one statement that
/// hangs does not stop them all.
pub const LEAST_CONNECTIONS: usize = 3;

pub(super) fn parse_connections(text: &str) -> Result<usize, String> {
    let count: Option<usize> = text.parse().ok();
    count.filter(|count| (LEAST_CONNECTIONS..=1000).contains(count)).ok_or_else(|| {
        format!(
            "is '{text}', which is not a number of connections (allowed: {LEAST_CONNECTIONS} to 1000; one is kept for heartbeats or \
             the relay, and orders need two)"
        )
    })
}

pub(super) fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| {
        format!("is '{text}', which is not a time in seconds (allowed: 0 to 86400, fractions too)")
    })
}

/// The end of the grace, for what comes after the work: a worker signs off, returns the rest and
/// publishes the last changes. No grace is shorter.
pub const LAST_STEPS: Duration = Duration::from_secs(10);

pub(super) fn parse_grace(text: &str) -> Result<Duration, String> {
    let least = LAST_STEPS.as_secs();
    let seconds = text.parse().ok().filter(|seconds| (least..=86_400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| {
        format!("is '{text}', which is not a time in whole seconds (allowed: {least} to 86400)")
    })
}

pub(super) fn parse_address(text: &str) -> Result<IpAddr, String> {
    // As it stands in a URL.
    let address = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    address
        .parse()
        .map_err(|_| format!("is '{text}', which is not an IP address (such as 127.0.0.1, 0.0.0.0 or ::)"))
}

/// The largest number that makes sense for connections, and for MiB.
const MAX_COUNT: usize = 1_000_000;

pub(super) fn parse_count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| *count <= MAX_COUNT);
    count.ok_or_else(|| format!("is '{text}' (allowed: 0 to {MAX_COUNT}; 0 lets the service choose)"))
}

pub(super) fn parse_origins(text: &str) -> Result<Origins, String> {
    text.parse::<Origins>().map_err(|why| why.to_string())
}

pub(super) fn parse_host_names(text: &str) -> Result<HostNames, String> {
    text.parse::<HostNames>().map_err(|why| why.to_string())
}

pub(super) fn parse_level(text: &str) -> Result<String, String> {
    match text.parse::<Level>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("is '{text}', which is not a log level (allowed: {})", Level::NAMES)),
    }
}

pub(super) fn parse_switch(text: &str) -> Result<bool, String> {
    text.to_ascii_lowercase().parse().map_err(|_| format!("is '{text}' (allowed: true, false)"))
}

/// Of random letters and digits, no guessing from outside finds one of these.
/// Shorter ones may be words.
const MIN_KEY: usize = 20;

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

/// Empty: there is none.
fn parse_optional_key(text: &str) -> Result<SecretString, String> {
    if text.is_empty() { Ok("".into()) } else { parse_key(text) }
}

/// Functions for `#[serde(deserialize_with)]`, each with the function that reads its text.
macro_rules! readers {
    ($($name:ident: $value:ty = $parse:ident;)*) => {
        $(pub(super) fn $name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$value, D::Error> {
            deserializer.deserialize_str(Written($parse))
        })*
    };
}

readers! {
    name: String = parse_name;
    hosts: String = parse_hosts;
    text: String = parse_text;
    password: SecretString = parse_password;
    port: u16 = parse_port;
    connections: usize = parse_connections;
    switch: bool = parse_switch;
    seconds: Duration = parse_seconds;
    key: SecretString = parse_optional_key;
    address: IpAddr = parse_address;
    level: String = parse_level;
    grace: Duration = parse_grace;
    count: usize = parse_count;
    origins: Origins = parse_origins;
    host_names: HostNames = parse_host_names;
}
