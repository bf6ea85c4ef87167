//! Which encoding of a content a client gets (RFC 9110, section 12.5.3).

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::files::Body;

/// How a content is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Brotli,
}

impl Encoding {
    /// The smallest one that the client takes. Without the header it is as it is: programs that do
    /// not ask seldom understand more.
    pub fn of(request: &HttpRequest) -> Self {
        let values = request.headers().get_all(header::ACCEPT_ENCODING);
        let text = values.filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",");
        if takes(&text, "br") {
            Self::Brotli
        } else if takes(&text, "gzip") {
            Self::Gzip
        } else {
            Self::Identity
        }
    }

    /// The value of `Content-Encoding`; `None` if there is nothing to decode.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }

    /// This encoding of a content.
    pub fn take(self, body: Body) -> &'static [u8] {
        match self {
            Self::Identity => body.identity,
            Self::Gzip => body.gzip,
            Self::Brotli => body.brotli,
        }
    }
}

/// Whether a list such as `gzip;q=0.8, br` names a coding, and does not refuse it.
fn takes(list: &str, coding: &str) -> bool {
    list.split(',').any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map(str::parse::<f32>);
        is_it && weight.is_none_or(|weight| weight.is_ok_and(|weight| weight > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_smallest_that_is_taken_is_chosen() {
        for (accepted, expected) in [
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("BR", Encoding::Brotli),
            ("gzip;q=1.0, br;q=0", Encoding::Gzip),
            ("gzip; q=0.5", Encoding::Gzip),
            ("deflate, *", Encoding::Identity),
            ("br;q=no", Encoding::Identity),
            ("broken", Encoding::Identity),
            ("", Encoding::Identity),
        ] {
            let request =
                TestRequest::default().insert_header((header::ACCEPT_ENCODING, accepted)).to_http_request();
            assert_eq!(Encoding::of(&request), expected, "{accepted}");
        }
        assert_eq!(Encoding::of(&TestRequest::default().to_http_request()), Encoding::Identity);
    }
}
