//! The language of a page: `?lang=`, else what the browser prefers, else the first one.

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::files::LANGUAGES;

/// The language for a request, which is one of [`LANGUAGES`].
pub fn of(request: &HttpRequest) -> &'static str {
    let asked = request.query_string().split('&').find_map(|pair| pair.strip_prefix("lang="));
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    asked
        .and_then(spoken)
        .or_else(|| preferred(accepted.unwrap_or_default()))
        .or_else(|| LANGUAGES.first().copied())
        .unwrap_or("en")
}

/// Ours of a tag such as `ar-EG`.
fn spoken(tag: &str) -> Option<&'static str> {
    let primary = tag.split('-').next().unwrap_or_default();
    LANGUAGES.iter().copied().find(|language| language.eq_ignore_ascii_case(primary))
}

/// The first of the highest weight in a list such as `de, ar;q=0.8` (RFC 9110, section 12.5.4).
fn preferred(list: &str) -> Option<&'static str> {
    let weighted = list.split(',').filter_map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let language = spoken(parts.next().unwrap_or_default())?;
        let weight = match parts.find_map(|part| part.strip_prefix("q=")) {
            Some(weight) => weight.parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?,
            None => 1.0,
        };
        (weight > 0.0).then_some((language, weight))
    });
    let best = weighted.reduce(|best: (_, f32), next| if next.1 > best.1 { next } else { best });
    best.map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_address_goes_before_the_browser_and_english_is_the_rest() {
        for (query, accepted, expected) in [
            ("", "", "en"),
            ("", "ar", "ar"),
            ("", "de-CH, ar-EG;q=0.7, en;q=0.5", "ar"),
            ("", "en;q=0.5, ar;q=0.9", "ar"),
            ("", "ar;q=0, en;q=0.1", "en"),
            ("", "ar;q=2, fr", "en"),
            ("", ";;,=", "en"),
            ("?lang=ar", "en", "ar"),
            ("?a=b&lang=AR-eg", "en", "ar"),
            ("?lang=xx", "ar", "ar"),
            ("?lang=%00&lang=ar", "", "en"),
        ] {
            let request = TestRequest::with_uri(&format!("/{query}"))
                .insert_header((header::ACCEPT_LANGUAGE, accepted))
                .to_http_request();
            assert_eq!(of(&request), expected, "{query} {accepted}");
        }
    }
}
