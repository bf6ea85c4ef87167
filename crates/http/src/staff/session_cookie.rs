//! The cookie of somebody who signed in: its end, signed with a key that follows from the staff's.
//!
//! Every service that knows the staff's key accepts it, and no service keeps a list. It ends with
//! its time or with the key.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::header::{self, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use config::BasePath;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use crate::own_origins::OwnOrigins;

type HmacSha256 = Hmac<Sha256>;

/// The cookie's name.
pub(crate) const NAME: &str = "restaurant_staff";
/// How long somebody stays signed in: a long shift.
const LIFETIME: Duration = Duration::from_hours(12);
/// How far the clocks of two services may differ.
const CLOCK_SKEW: Duration = Duration::from_mins(5);
/// Separates this use of the staff's key from any other.
const PURPOSE: &[u8] = b"restaurant: signature of staff sessions, version 1";
/// Length of the end at the start of a value, in bytes.
const END_LENGTH: usize = size_of::<u64>();

/// Signs and verifies sessions.
#[derive(Clone)]
pub(crate) struct SessionKey(HmacSha256);

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

/// A session that begins now.
pub(crate) struct NewSession {
    /// The cookie's value.
    pub(crate) value: String,
    /// Its end, in seconds since 1970.
    pub(crate) end: u64,
}

impl SessionKey {
    /// The key that follows from the staff's. `None` if that is empty.
    pub(crate) fn of(staff_key: &SecretString) -> Option<Self> {
        let secret = staff_key.expose_secret().as_bytes();
        if secret.is_empty() {
            return None;
        }
        let derived = HmacSha256::new_from_slice(secret).ok()?.chain_update(PURPOSE).finalize().into_bytes();
        HmacSha256::new_from_slice(&derived).ok().map(Self)
    }

    /// Begins a session.
    pub(crate) fn sign(&self) -> NewSession {
        self.sign_until(now().saturating_add(LIFETIME.as_secs()))
    }

    fn sign_until(&self, end: u64) -> NewSession {
        let bytes = end.to_be_bytes();
        let code = self.0.clone().chain_update(bytes).finalize().into_bytes();
        NewSession { value: URL_SAFE_NO_PAD.encode([bytes.as_slice(), &code].concat()), end }
    }

    /// Whether this key signed the session, and it has not ended.
    pub(crate) fn is_valid(&self, value: &str) -> bool {
        self.end_of(value).is_some()
    }

    /// The end of a valid session, in seconds since 1970.
    pub(crate) fn end_of(&self, value: &str) -> Option<u64> {
        self.end_at(value, now())
    }

    fn end_at(&self, value: &str, now: u64) -> Option<u64> {
        let value = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (end, code) = value.split_first_chunk::<END_LENGTH>()?;
        // In constant time.
        self.0.clone().chain_update(end).verify_slice(code).ok()?;
        let end = u64::from_be_bytes(*end);
        // A service whose clock was wrong may have signed one that would never end.
        let latest = now.saturating_add((LIFETIME + CLOCK_SKEW).as_secs());
        (now < end && end <= latest).then_some(end)
    }
}

/// The values of all cookies of this name. A browser sends several if they have several paths.
pub(crate) fn values(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = headers.get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| {
        let (name, value) = cookie.split_once('=')?;
        (name.trim() == NAME).then(|| value.trim())
    })
}

/// To whom browsers send the cookie.
#[derive(Clone, Debug)]
pub(crate) struct CookieScope {
    path: BasePath,
    /// Whether the configuration says that browsers come over TLS.
    is_https: bool,
}

impl CookieScope {
    pub(crate) fn new(origins: &OwnOrigins, base: &BasePath) -> Self {
        Self { path: origins.common_path(base), is_https: origins.are_https() }
    }

    /// The header that begins a session. `is_https`: the request came over TLS.
    pub(crate) fn begin(&self, value: &str, is_https: bool) -> String {
        self.header(value, LIFETIME.as_secs(), is_https)
    }

    /// The header that ends a session.
    pub(crate) fn end(&self, is_https: bool) -> String {
        self.header("", 0, is_https)
    }

    fn header(&self, value: &str, max_age: u64, is_https: bool) -> String {
        let secure = if is_https || self.is_https { "; Secure" } else { "" };
        let path = &self.path;
        format!("{NAME}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}")
    }
}

#[expect(clippy::disallowed_methods, reason = "the clocks of machines agree well enough for twelve hours")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn key(staff_key: &str) -> SessionKey {
        SessionKey::of(&staff_key.into()).unwrap()
    }

    #[test]
    fn a_session_is_valid_until_its_end_and_with_its_key() {
        let (key, other) = (key("the-key-of-today"), key("the-key-of-yesterday"));
        let hours = |hours: u64| 1_000_000 + hours * 3_600;
        let NewSession { value, end } = key.sign_until(hours(12));
        assert_eq!(value.len(), 54);
        for (now, is_valid) in [
            (hours(0), true),
            (end - 1, true),
            (end, false),
            (hours(100), false),
            (hours(0) - 299, true),
            (0, false),
        ] {
            assert_eq!(key.end_at(&value, now), is_valid.then_some(end), "{now}");
        }
        assert_eq!(other.end_at(&value, hours(0)), None);
        let later = key.sign_until(hours(13)).value;
        let spliced = format!("{}{}", &later[..10], &value[10..]);
        for wrong in ["", "a", "==", &value[..53], &value[..43], &format!("{value}00"), &spliced, "é"] {
            assert_eq!(key.end_at(wrong, hours(0)), None, "{wrong:?}");
        }
        let NewSession { value, end } = key.sign();
        assert!(key.is_valid(&value) && key.end_of(&value) == Some(end));
        assert!(!format!("{key:?}").contains("today"));
    }

    #[test]
    fn the_staff_key_itself_signs_nothing() {
        let mac = HmacSha256::new_from_slice(b"the-key-of-today").unwrap();
        let signed_by_it = SessionKey(mac).sign_until(43_200).value;
        assert_eq!(key("the-key-of-today").end_at(&signed_by_it, 0), None);
        assert!(SessionKey::of(&"".into()).is_none());
    }

    #[test]
    fn the_header_says_to_whom_the_cookie_goes() {
        let scope = |web: config::Web| CookieScope::new(&OwnOrigins::new(&web), &web.base_path);
        let plain = scope(config::Web::default());
        assert_eq!(
            plain.begin("value", false),
            "restaurant_staff=value; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"
        );
        assert!(plain.begin("value", true).ends_with("SameSite=Strict; Secure"));
        assert_eq!(plain.end(false), "restaurant_staff=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
        let behind = scope(config::Web {
            base_path: "/shop".parse().unwrap(),
            order_url: Some("https://a.example/shop".parse().unwrap()),
            ..config::Web::default()
        });
        assert!(behind.begin("value", false).contains("; Path=/shop; "));
        assert!(behind.begin("value", false).ends_with("; Secure"));
    }

    #[test]
    fn all_cookies_of_the_name_are_read() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=b; restaurant_staff=1; restaurant_staff_2=x".parse().unwrap());
        headers.append(header::COOKIE, "restaurant_staff = 2;;=;restaurant_staff".parse().unwrap());
        assert_eq!(values(&headers).collect::<Vec<_>>(), ["1", "2"]);
    }
}
