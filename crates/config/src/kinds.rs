//! The kinds of values: which texts are allowed, and how a value is written and shown.

use std::net::IpAddr;
use std::time::Duration;

use deadlines::stop::LAST_STEPS;
use domain::TimeZone;
use domain::time_zone::ParseTimeZoneError;
use logging::Level;
use secrecy::{ExposeSecret, SecretString};

use crate::{BasePath, HostNames, MenuMode, Origins, WebUrl, server_addresses};

/// A kind of values that an entry of the table can have.
pub(crate) struct Kind<T: 'static> {
    /// Which values are allowed, as the end of a sentence.
    pub(crate) allowed: &'static str,
    /// Whether a value is never shown.
    pub(crate) is_secret: bool,
    /// Whether a value is the path of a file. `<NAME>_FILE` then means the same as `<NAME>`: the
    /// file itself is read where it is used, and again when it changes.
    pub(crate) names_a_file: bool,
    /// Reads a text, or says what is wrong with it: what follows the key in a sentence.
    pub(crate) parse: fn(&str) -> Result<T, String>,
    /// The text that `parse` reads as this value.
    pub(crate) write: fn(&T) -> String,
    /// The value in words; `None` for a secret.
    pub(crate) show: fn(&T) -> Option<String>,
}

/// Shows a value as it is.
#[expect(clippy::unnecessary_wraps, reason = "the others may show none")]
pub(crate) fn plain<T: ToString>(value: &T) -> Option<String> {
    Some(value.to_string())
}

/// Any text that a person can type. The text itself is not in the error: it may be a secret.
fn parse_text(text: &str) -> Result<String, String> {
    match text.chars().find(|character| character.is_control()) {
        Some(control) => Err(format!("has a control character (U+{:04X})", u32::from(control))),
        None => Ok(text.to_owned()),
    }
}

/// A text as it is.
pub(crate) const TEXT: Kind<String> = Kind {
    allowed: "any text",
    is_secret: false,
    names_a_file: false,
    parse: parse_text,
    write: String::clone,
    show: plain,
};

/// A name: a space at one of its ends is a mistake that nobody sees.
pub(crate) fn parse_name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("is empty (leave it out for the default)".to_owned());
    }
    if text.trim() != text {
        return Err("begins or ends with a space".to_owned());
    }
    parse_text(text)
}

/// A name of something on a server.
pub(crate) const NAME: Kind<String> = Kind {
    allowed: "any text but an empty one",
    is_secret: false,
    names_a_file: false,
    parse: parse_name,
    write: String::clone,
    show: plain,
};

/// A name of something on a server, or none.
pub(crate) const NAME_OR_NONE: Kind<String> = Kind {
    allowed: "any text, or nothing",
    is_secret: false,
    names_a_file: false,
    parse: |text| if text.is_empty() { Ok(String::new()) } else { parse_name(text) },
    write: String::clone,
    show: |name| Some(if name.is_empty() { "not set" } else { name }.to_owned()),
};

/// Where a server is, as [`server_addresses::parse_hosts`] reads it.
pub(crate) const HOSTS: Kind<String> = Kind {
    allowed: "a name or an address, or several separated by commas, each with `:port` if it differs",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        let name = parse_name(text)?;
        server_addresses::parse_hosts(&name, 1).map(|_| name)
    },
    write: String::clone,
    show: plain,
};

pub(crate) fn parse_password(text: &str) -> Result<SecretString, String> {
    parse_text(text).map(Into::into)
}

/// What a server asks for.
pub(crate) const PASSWORD: Kind<SecretString> = Kind {
    allowed: "any text",
    is_secret: true,
    names_a_file: false,
    parse: parse_password,
    write: |password| password.expose_secret().to_owned(),
    show: |_| None,
};

/// Of random letters and digits, no guessing from outside finds one of these.
/// Shorter ones may be words.
const MIN_KEY: usize = 20;

/// A key that the staff shows. Empty: there is none.
pub(crate) const STAFF_KEY: Kind<SecretString> = Kind {
    allowed: "20 characters or more, or nothing",
    is_secret: true,
    names_a_file: false,
    parse: |text| {
        if text.trim() != text || text.chars().any(char::is_control) {
            return Err("begins or ends with a space, or has control characters, which no header can carry"
                .to_owned());
        }
        match text.chars().count() {
            1..MIN_KEY => Err(format!("is too short to be a key (at least {MIN_KEY} characters)")),
            _ => Ok(text.into()),
        }
    },
    write: |key| key.expose_secret().to_owned(),
    show: |key| key.expose_secret().is_empty().then(|| "empty: nobody is staff".to_owned()),
};

/// A TCP port of a server.
pub(crate) const PORT: Kind<u16> = Kind {
    allowed: "1 to 65535",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        let port = text.parse().ok().filter(|port| *port > 0);
        port.ok_or_else(|| format!("is '{text}', which is not a port (allowed: {})", PORT.allowed))
    },
    write: u16::to_string,
    show: plain,
};

/// A TCP port to listen on. 0: there is no listener.
pub(crate) const PORT_OR_NONE: Kind<u16> = Kind {
    allowed: "0 to 65535; 0: none",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        text.parse()
            .map_err(|_| format!("is '{text}', which is not a port (allowed: {})", PORT_OR_NONE.allowed))
    },
    write: u16::to_string,
    show: |port| Some(if *port == 0 { "0: none".to_owned() } else { port.to_string() }),
};

/// The least number that works: a service keeps one connection for what must not wait for others
/// (heartbeats) or what may take long (the relay). The others need two, so that one statement that
/// hangs does not stop them all.
pub const LEAST_CONNECTIONS: usize = 3;

/// How many connections to the database.
pub(crate) const CONNECTIONS: Kind<usize> = Kind {
    allowed: "3 to 1000; one is kept for heartbeats or the relay, and orders need two",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        let count: Option<usize> = text.parse().ok();
        count.filter(|count| (LEAST_CONNECTIONS..=1000).contains(count)).ok_or_else(|| {
            format!("is '{text}', which is not a number of connections (allowed: {})", CONNECTIONS.allowed)
        })
    },
    write: usize::to_string,
    show: plain,
};

/// The largest number that makes sense for connections, and for MiB.
const MAX_COUNT: usize = 1_000_000;

/// A limit of the HTTP server.
pub(crate) const COUNT: Kind<usize> = Kind {
    allowed: "0 to 1000000; 0 lets the service choose",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        let count = text.parse().ok().filter(|count| *count <= MAX_COUNT);
        count.ok_or_else(|| format!("is '{text}' (allowed: {})", COUNT.allowed))
    },
    write: usize::to_string,
    show: |count| Some(if *count == 0 { "0: chosen by the service".to_owned() } else { count.to_string() }),
};

/// More orders than this never wait in a kitchen that can be saved.
const MAX_WAITING: u32 = 1_000_000;

/// How many orders of a type may wait.
pub(crate) const MOST_WAITING: Kind<u32> = Kind {
    allowed: "0 to 1000000; 0: no limit",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        let count = text.parse().ok().filter(|count| *count <= MAX_WAITING);
        count.ok_or_else(|| {
            format!("is '{text}', which is not a number of orders (allowed: {})", MOST_WAITING.allowed)
        })
    },
    write: u32::to_string,
    show: |count| Some(if *count == 0 { "0: no limit".to_owned() } else { count.to_string() }),
};

/// A time in minutes, of a day at most.
pub(crate) const MINUTES: Kind<Duration> = Kind {
    allowed: "0 to 1440, fractions too",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        let minutes = text.parse().ok().filter(|minutes| (0.0..=1_440.0).contains(minutes));
        minutes.map(|minutes: f64| Duration::from_secs_f64(minutes * 60.0)).ok_or_else(|| {
            format!("is '{text}', which is not a time in minutes (allowed: {})", MINUTES.allowed)
        })
    },
    write: |time| (time.as_secs_f64() / 60.0).to_string(),
    show: |time| plain(&(time.as_secs_f64() / 60.0)),
};

/// A time in seconds.
pub(crate) const SECONDS: Kind<Duration> = Kind {
    allowed: "0 to 86400, fractions too",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        let seconds = text.parse().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds));
        seconds.map(Duration::from_secs_f64).ok_or_else(|| {
            format!("is '{text}', which is not a time in seconds (allowed: {})", SECONDS.allowed)
        })
    },
    write: |time| time.as_secs_f64().to_string(),
    show: |time| plain(&time.as_secs_f64()),
};

/// The time in which a service stops.
pub(crate) const GRACE: Kind<Duration> = Kind {
    allowed: "10 to 86400",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        let least = LAST_STEPS.as_secs();
        let seconds = text.parse().ok().filter(|seconds| (least..=86_400).contains(seconds));
        seconds.map(Duration::from_secs).ok_or_else(|| {
            format!("is '{text}', which is not a time in whole seconds (allowed: {})", GRACE.allowed)
        })
    },
    write: |time| time.as_secs().to_string(),
    show: |time| plain(&time.as_secs()),
};

/// An address to listen on.
pub(crate) const ADDRESS: Kind<IpAddr> = Kind {
    allowed: "an IP address, such as 127.0.0.1, 0.0.0.0 or ::",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        // As it stands in a URL.
        let address = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        address.parse().map_err(|_| {
            format!("is '{text}', which is not an IP address (such as 127.0.0.1, 0.0.0.0 or ::)")
        })
    },
    write: IpAddr::to_string,
    show: plain,
};

/// Sites whose web pages may use the services.
pub(crate) const ORIGINS: Kind<Origins> = Kind {
    allowed: "scheme, host, and port if there is one; several separated by commas",
    is_secret: false,
    names_a_file: false,
    parse: |text| text.parse().map_err(|why: crate::ParseOriginsError| why.to_string()),
    write: |origins| origins.iter().collect::<Vec<_>>().join(", "),
    show: plain,
};

/// Where browsers find a service. Empty: it is not said.
pub(crate) const WEB_URL: Kind<Option<WebUrl>> = Kind {
    allowed: "a URL of http or https without query, such as https://shop.example/order, or nothing",
    is_secret: false,
    names_a_file: false,
    parse: |text| match text {
        "" => Ok(None),
        url => url.parse().map(Some).map_err(|why: crate::ParseWebUrlError| why.to_string()),
    },
    write: |url| url.as_ref().map(WebUrl::to_string).unwrap_or_default(),
    show: |url| Some(url.as_ref().map_or_else(|| "not set".to_owned(), WebUrl::to_string)),
};

/// The path below which a service is found.
pub(crate) const BASE_PATH: Kind<BasePath> = Kind {
    allowed: "a path such as /restaurant, or nothing",
    is_secret: false,
    names_a_file: false,
    parse: |text| text.parse().map_err(|why: crate::ParseBasePathError| why.to_string()),
    write: |path| path.as_str().to_owned(),
    show: plain,
};

/// Names under which the services are called.
pub(crate) const HOST_NAMES: Kind<HostNames> = Kind {
    allowed: "names without scheme and port, separated by commas",
    is_secret: false,
    names_a_file: false,
    parse: |text| text.parse().map_err(|why: crate::ParseHostNamesError| why.to_string()),
    write: |names| names.iter().collect::<Vec<_>>().join(", "),
    show: plain,
};

/// How much is logged.
pub(crate) const LEVEL: Kind<String> = Kind {
    allowed: Level::NAMES,
    is_secret: false,
    names_a_file: false,
    parse: |text| match text.parse::<Level>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("is '{text}', which is not a log level (allowed: {})", LEVEL.allowed)),
    },
    write: String::clone,
    show: plain,
};

/// Whether orders go by the menu.
pub(crate) const MENU_MODE: Kind<MenuMode> = Kind {
    allowed: "off, on",
    is_secret: false,
    names_a_file: false,
    parse: |text| text.parse().map_err(|()| format!("is '{text}' (allowed: {})", MENU_MODE.allowed)),
    write: MenuMode::to_string,
    show: plain,
};

/// A currency, by its code of ISO 4217.
pub(crate) const CURRENCY: Kind<String> = Kind {
    allowed: "three capital letters, such as USD or EUR (ISO 4217)",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        let why = || format!("is '{text}', which is no currency (allowed: {})", CURRENCY.allowed);
        is_code.then(|| text.to_owned()).ok_or_else(why)
    },
    write: String::clone,
    show: plain,
};

/// A time zone.
pub(crate) const TIME_ZONE: Kind<TimeZone> = Kind {
    allowed: "a name of the IANA database, such as UTC or Europe/Berlin",
    is_secret: false,
    names_a_file: false,
    parse: |text| text.parse().map_err(|why: ParseTimeZoneError| why.to_string()),
    write: TimeZone::to_string,
    show: plain,
};

/// Yes or no.
pub(crate) const SWITCH: Kind<bool> = Kind {
    allowed: "true, false",
    is_secret: false,
    names_a_file: false,
    parse: |text| {
        text.to_ascii_lowercase().parse().map_err(|_| format!("is '{text}' (allowed: {})", SWITCH.allowed))
    },
    write: bool::to_string,
    show: plain,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_in_words_are_those_that_hold() {
        assert!(CONNECTIONS.allowed.starts_with(&format!("{LEAST_CONNECTIONS} to 1000;")));
        assert!(MOST_WAITING.allowed.starts_with(&format!("0 to {MAX_WAITING};")));
        assert!(COUNT.allowed.starts_with(&format!("0 to {MAX_COUNT};")));
        assert!(GRACE.allowed.starts_with(&format!("{} to ", LAST_STEPS.as_secs())));
        assert!(STAFF_KEY.allowed.starts_with(&format!("{MIN_KEY} characters")));
    }
}
