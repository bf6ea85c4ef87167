//! Whether a client wants a page or data (RFC 9110, section 12.5.1).

use actix_web::HttpRequest;
use actix_web::http::header;

/// Whether the client prefers HTML to JSON: a browser does, on its way to a page. Programs ask for
/// JSON, for anything, or for nothing in particular, and get JSON.
pub fn prefers_html(request: &HttpRequest) -> bool {
    let values = request.headers().get_all(header::ACCEPT);
    let text = values.filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",");
    weight(&text, "text", "html") > weight(&text, "application", "json")
}

/// The weight of a media type in a list such as `text/html, */*;q=0.8`: that of the most specific
/// entry that covers it. 0 if there is none.
fn weight(list: &str, kind: &str, subtype: &str) -> f32 {
    let covering = list.split(',').filter_map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let (found_kind, found_subtype) = parts.next()?.split_once('/')?;
        let precision = match (found_kind, found_subtype) {
            ("*", "*") => 1,
            (found, "*") if found.eq_ignore_ascii_case(kind) => 2,
            (found, sub) if found.eq_ignore_ascii_case(kind) && sub.eq_ignore_ascii_case(subtype) => 3,
            _ => return None,
        };
        let weight = match parts.find_map(|part| part.strip_prefix("q=")) {
            Some(weight) => weight.parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?,
            None => 1.0,
        };
        Some((precision, weight))
    });
    covering.max_by_key(|(precision, _)| *precision).map_or(0.0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn browsers_get_pages_and_programs_get_data() {
        for (accepted, expected) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", true),
            ("text/html", true),
            ("TEXT/HTML;q=0.9, application/json;q=0.8", true),
            ("text/*", true),
            ("application/json, text/html;q=0.9", false),
            ("application/json", false),
            ("text/html, application/json", false),
            ("*/*", false),
            ("text/html;q=0, */*", false),
            ("text/html;q=5", false),
            ("", false),
            (",;/", false),
        ] {
            let request = TestRequest::default().insert_header((header::ACCEPT, accepted)).to_http_request();
            assert_eq!(prefers_html(&request), expected, "{accepted}");
        }
        assert!(!prefers_html(&TestRequest::default().to_http_request()));
    }
}
