//! Who is staff: whoever shows the staff's key, or the cookie that signing in with it returned.
//!
//! A browser sends a cookie on behalf of any page. So a change by cookie also needs the `Origin` of
//! a page of ours, and a header that no form can send. A key in `Authorization` needs neither: no
//! browser adds it by itself.

mod described;
mod refusal;
mod session_cookie;
mod signing_in;
mod wrong_keys;

use std::fmt;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderName};
use config::Config;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

pub use self::described::{StaffPageRefused, StaffRefused, StaffStreamRefused, refused_to_others};
pub use self::refusal::StaffRefusal;
pub(crate) use self::session_cookie::NAME as COOKIE;
use self::session_cookie::{CookieScope, SessionKey};
pub(crate) use self::signing_in::SessionPaths;
pub use self::signing_in::routes;
use self::wrong_keys::WrongKeys;
use crate::own_origins::OwnOrigins;

/// The header of changes that pages of ours ask for. A form cannot send it, and a page of another
/// origin only after a preflight.
const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
/// Its value.
const RESTAURANT: &str = "restaurant";

/// What a request of the staff does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It reads.
    Read,
    /// It changes something.
    Change,
}

/// Decides who is staff; cheap to clone. All handlers of a process share one, and with it the count
/// of wrong keys.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    key: SecretString,
    /// `None`: no key is configured, and nobody is staff.
    sessions: Option<SessionKey>,
    wrong_keys: WrongKeys,
    origins: OwnOrigins,
    cookie: CookieScope,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate(..)")
    }
}

/// What a request shows to prove that it is the staff's.
enum Shown<'a> {
    Key(&'a [u8]),
    /// It cannot be a key.
    NoKey,
    Session {
        is_valid: bool,
    },
    Nothing,
}

impl Gate {
    /// The gate of a service with this configuration.
    pub fn new(config: &Config) -> Self {
        let key = config.order.staff_key.clone();
        let origins = OwnOrigins::new(&config.web);
        let cookie = CookieScope::new(&origins, &config.web.base_path);
        let sessions = SessionKey::of(&key);
        Self(Arc::new(Inner { key, sessions, wrong_keys: WrongKeys::default(), origins, cookie }))
    }

    /// Whether a staff key is configured. Without one nobody is staff.
    pub fn has_key(&self) -> bool {
        self.0.sessions.is_some()
    }

    /// Whether the request is the staff's. A wrong key is counted.
    ///
    /// # Errors
    /// It is not. [`StaffRefusal::answer`] makes the response.
    pub fn verify(&self, request: &HttpRequest, access: Access) -> Result<(), StaffRefusal> {
        let Some(sessions) = &self.0.sessions else {
            let is_shown = shows_credentials(request);
            return Err(if is_shown { StaffRefusal::NoStaffKey } else { StaffRefusal::MissingAndNoStaffKey });
        };
        match shown(request, sessions) {
            Shown::Key(key) if self.is_key(key) => Ok(()),
            Shown::Key(_) | Shown::NoKey => Err(self.0.wrong_keys.refuse()),
            Shown::Session { is_valid: true } => self.verify_page(request, access),
            Shown::Session { is_valid: false } => Err(StaffRefusal::SignedOut),
            Shown::Nothing => Err(StaffRefusal::Missing),
        }
    }

    /// Whether the request is the staff's, where others are answered too. A wrong key counts as
    /// none.
    pub fn is_staff(&self, request: &HttpRequest) -> bool {
        self.0.sessions.as_ref().is_some_and(|sessions| match shown(request, sessions) {
            Shown::Key(key) => self.is_key(key),
            Shown::Session { is_valid } => is_valid && self.verify_page(request, Access::Read).is_ok(),
            Shown::NoKey | Shown::Nothing => false,
        })
    }

    fn is_key(&self, shown: &[u8]) -> bool {
        self.has_key() && bool::from(shown.ct_eq(self.0.key.expose_secret().as_bytes()))
    }

    /// Whether the cookie may speak for the page that sent it.
    fn verify_page(&self, request: &HttpRequest, access: Access) -> Result<(), StaffRefusal> {
        let text = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
        let is_ours = text(header::ORIGIN).map(|origin| self.0.origins.contain(origin, text(header::HOST)));
        let is_marked = text(REQUESTED_WITH) == Some(RESTAURANT);
        let is_allowed = match access {
            // A link and a reload have no origin.
            Access::Read => is_ours != Some(false),
            Access::Change => is_ours == Some(true) && is_marked,
        };
        if is_allowed { Ok(()) } else { Err(StaffRefusal::NotFromOurPage) }
    }
}

/// Whether the request shows anything by which the staff is known, right or wrong.
pub fn shows_credentials(request: &HttpRequest) -> bool {
    request.headers().contains_key(header::AUTHORIZATION)
        || session_cookie::values(request.headers()).next().is_some()
}

fn shown<'a>(request: &'a HttpRequest, sessions: &SessionKey) -> Shown<'a> {
    let headers = request.headers();
    let authorization = headers.get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
    if let Some(key) = authorization.and_then(bearer) {
        return Shown::Key(key);
    }
    // One of an older path or an older key may stand beside the right one.
    let mut cookies = session_cookie::values(headers).map(|value| sessions.is_valid(value)).peekable();
    if cookies.peek().is_some() {
        return Shown::Session { is_valid: cookies.any(|is_valid| is_valid) };
    }
    if authorization.is_some() { Shown::NoKey } else { Shown::Nothing }
}

/// What follows `Bearer` (RFC 6750, section 2.1).
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = authorization.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const KEY: &str = "the-staff-knows-this-key";
    const HOST: (&str, &str) = ("host", "localhost:3000");
    const OURS: (&str, &str) = ("origin", "http://localhost:3002");
    const MARK: (&str, &str) = ("x-requested-with", "restaurant");

    fn gate(key: &str) -> Gate {
        let mut config = Config::default();
        config.order.staff_key = key.into();
        Gate::new(&config)
    }

    fn request(headers: &[(&str, &str)]) -> HttpRequest {
        headers
            .iter()
            .fold(TestRequest::get(), |request, header| request.insert_header(*header))
            .to_http_request()
    }

    fn cookie(key: &str) -> String {
        format!("theme=dark; {}={}", session_cookie::NAME, SessionKey::of(&key.into()).unwrap().sign().value)
    }

    #[test]
    fn the_key_opens_everything_from_anywhere() {
        let gate = gate(KEY);
        for (given, expected) in [
            (format!("Bearer {KEY}"), true),
            (format!("bearer   {KEY} "), true),
            ("Bearer ".to_owned(), false),
            ("Bearer".to_owned(), false),
            (format!("Basic {KEY}"), false),
            (KEY.to_owned(), false),
            (format!("Bearer {KEY}s"), false),
        ] {
            let request = request(&[("authorization", &given), ("origin", "https://till.example")]);
            assert_eq!(gate.verify(&request, Access::Change).is_ok(), expected, "{given}");
            assert_eq!(gate.is_staff(&request), expected, "{given}");
        }
    }

    #[test]
    fn a_cookie_reads_for_our_pages_and_changes_only_with_origin_and_header() {
        let gate = gate(KEY);
        let cookie = cookie(KEY);
        let foreign = ("origin", "http://localhost:8080");
        for (headers, reads, changes) in [
            (&[][..], true, false),
            (&[MARK][..], true, false),
            (&[OURS][..], true, false),
            (&[OURS, MARK][..], true, true),
            (&[("origin", "http://localhost:3000"), MARK][..], true, true),
            (&[foreign, MARK][..], false, false),
            (&[foreign][..], false, false),
            (&[("origin", "null"), MARK][..], false, false),
            (&[OURS, ("x-requested-with", "XMLHttpRequest")][..], true, false),
        ] {
            let headers = [headers, &[HOST, ("cookie", &cookie)]].concat();
            let request = request(&headers);
            assert_eq!(gate.verify(&request, Access::Read).is_ok(), reads, "{headers:?}");
            assert_eq!(gate.is_staff(&request), reads, "{headers:?}");
            assert_eq!(gate.verify(&request, Access::Change).is_ok(), changes, "{headers:?}");
        }
    }

    #[test]
    fn a_cookie_of_another_key_is_none() {
        let (gate, old) = (gate(KEY), cookie("the-key-of-yesterday-evening"));
        let headers = [HOST, OURS, MARK, ("cookie", &*old)];
        assert_eq!(gate.verify(&request(&headers), Access::Read), Err(StaffRefusal::SignedOut));
        assert!(!gate.is_staff(&request(&headers)));
        let both = format!("{old}; {}", cookie(KEY));
        assert_eq!(gate.verify(&request(&[HOST, ("cookie", &both)]), Access::Read), Ok(()));
        // Credentials of a gateway stand beside it.
        let headers = [HOST, ("cookie", &*both), ("authorization", "Basic Z2F0ZXdheQ==")];
        assert_eq!(gate.verify(&request(&headers), Access::Read), Ok(()));
    }

    #[test]
    fn whoever_shows_nothing_is_nobody() {
        assert_eq!(gate(KEY).verify(&request(&[]), Access::Read), Err(StaffRefusal::Missing));
        assert!(!shows_credentials(&request(&[("cookie", "theme=dark")])));
        assert!(shows_credentials(&request(&[("cookie", "restaurant_staff=")])));
    }

    #[test]
    fn without_a_key_nobody_is_staff() {
        let gate = gate("");
        assert!(!gate.has_key());
        for (headers, refusal) in [
            (&[][..], StaffRefusal::MissingAndNoStaffKey),
            (&[("authorization", "Bearer ")][..], StaffRefusal::NoStaffKey),
            (&[("cookie", "restaurant_staff=")][..], StaffRefusal::NoStaffKey),
        ] {
            assert_eq!(gate.verify(&request(headers), Access::Read), Err(refusal));
            assert!(!gate.is_staff(&request(headers)));
        }
    }
}
