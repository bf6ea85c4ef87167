//! Who a client is, where proxies stand between it and the server.
//!
//! Anybody can write these headers. So they count only from a trusted proxy, and only as far as
//! trusted proxies wrote them: they are read from the right, and the first address that is no
//! trusted proxy is the client.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{self, HeaderMap, HeaderName};
use config::Networks;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client of a request that came from `peer`.
///
/// A proxy writes one of the two headers and passes the other one on as it came. Where they
/// disagree, a client wrote one of them, so the request counts as the proxy's own.
pub(crate) fn client_of(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    if !trusted.contain(peer) {
        return peer;
    }
    let of = |name: &HeaderName, read: fn(&str) -> Vec<Option<IpAddr>>| {
        let mut hops = Vec::new();
        for line in headers.get_all(name) {
            // What is no text names nobody.
            hops.extend(line.to_str().map_or_else(|_| vec![None], read));
        }
        (!hops.is_empty()).then(|| nearest_stranger(peer, &hops, trusted))
    };
    match (of(&FORWARDED_FOR, forwarded_for), of(&header::FORWARDED, forwarded)) {
        (Some(client), None) | (None, Some(client)) => client,
        (Some(client), Some(other)) if client == other => client,
        _ => peer,
    }
}

/// The right-most address that is no trusted proxy. Beyond a hop that names no address nobody is to
/// be believed: then it is the proxy that wrote that hop.
fn nearest_stranger(peer: IpAddr, hops: &[Option<IpAddr>], trusted: &Networks) -> IpAddr {
    let mut nearest = peer;
    for hop in hops.iter().rev() {
        let Some(address) = hop else { break };
        nearest = *address;
        if !trusted.contain(nearest) {
            break;
        }
    }
    nearest
}

/// The addresses of `X-Forwarded-For`.
fn forwarded_for(line: &str) -> Vec<Option<IpAddr>> {
    line.split(',').map(|hop| address(hop.trim())).collect()
}

/// The addresses of `Forwarded` (RFC 7239, section 4): `for=` of each element.
fn forwarded(line: &str) -> Vec<Option<IpAddr>> {
    unquoted_parts(line, ',')
        .into_iter()
        .map(|element| {
            let node = unquoted_parts(element, ';').into_iter().find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
            })?;
            let bare = node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node);
            address(bare)
        })
        .collect()
}

/// The parts between separators that stand in no quoted text (RFC 9110, section 5.6.4).
fn unquoted_parts(text: &str, separator: char) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(|character| {
        let is_separator = character == separator && !is_quoted;
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
        is_separator
    })
    .collect()
}

/// An address, perhaps with a port: `192.0.2.7:4711`, `[2001:db8::7]`, `[2001:db8::7]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let found = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    found.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(peer: &str, lines: &[(HeaderName, &str)]) -> IpAddr {
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            headers.append(name.clone(), line.parse().unwrap());
        }
        client_of(ip(peer), &headers, &"10.0.0.0/8, ::1".parse().unwrap())
    }

    #[test]
    fn a_stranger_says_nothing_of_others() {
        for header in [FORWARDED_FOR, header::FORWARDED] {
            assert_eq!(client("192.0.2.1", &[(header, "198.51.100.7")]), ip("192.0.2.1"));
        }
        assert_eq!(client("10.0.0.1", &[]), ip("10.0.0.1"));
    }

    #[test]
    fn the_client_is_the_last_address_that_no_proxy_has() {
        let of = |line| client("10.0.0.1", &[(FORWARDED_FOR, line)]);
        for (line, expected) in [
            ("198.51.100.7", "198.51.100.7"),
            ("1.1.1.1, 198.51.100.7", "198.51.100.7"),
            ("1.1.1.1,198.51.100.7 , 10.2.3.4", "198.51.100.7"),
            ("10.9.9.9, 10.2.3.4", "10.9.9.9"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("198.51.100.7:4711", "198.51.100.7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("198.51.100.7, unknown, 10.2.3.4", "10.2.3.4"),
            ("unknown", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(of(line), ip(expected), "{line:?}");
        }
        let lines = [(FORWARDED_FOR, "1.1.1.1"), (FORWARDED_FOR, "198.51.100.7, 10.2.3.4")];
        assert_eq!(client("10.0.0.1", &lines), ip("198.51.100.7"));
    }

    #[test]
    fn the_standard_header_says_the_same() {
        let of = |line| client("::1", &[(header::FORWARDED, line)]);
        for (line, expected) in [
            ("for=198.51.100.7", "198.51.100.7"),
            ("For=\"[2001:db8::7]:4711\";proto=https;by=10.0.0.1", "2001:db8::7"),
            ("for=1.1.1.1, proto=http; for=198.51.100.7, for=10.2.3.4", "198.51.100.7"),
            ("for=198.51.100.7, for=_hidden, for=10.2.3.4", "10.2.3.4"),
            ("for=198.51.100.7;host=\"a,for=1.1.1.1;\\\",for=2.2.2.2\"", "198.51.100.7"),
            ("proto=https", "::1"),
        ] {
            assert_eq!(of(line), ip(expected), "{line:?}");
        }
    }

    #[test]
    fn a_header_that_the_client_adds_to_the_proxys_gains_nothing() {
        let lines = |forwarded| [(FORWARDED_FOR, "198.51.100.7"), (header::FORWARDED, forwarded)];
        assert_eq!(client("10.0.0.1", &lines("for=1.1.1.1")), ip("10.0.0.1"));
        assert_eq!(client("10.0.0.1", &lines("for=198.51.100.7")), ip("198.51.100.7"));
    }

    proptest! {
        #[test]
        fn what_a_client_writes_before_the_proxys_word_changes_nothing(forged in "[ -~]{0,60}") {
            let line = format!("{forged}, 198.51.100.7, 10.2.3.4");
            prop_assert_eq!(client("10.0.0.1", &[(FORWARDED_FOR, &line)]), ip("198.51.100.7"));
        }

        #[test]
        fn no_line_makes_it_fail(line in "[ -~]{0,80}") {
            client("10.0.0.1", &[(FORWARDED_FOR, &line), (header::FORWARDED, &line)]);
            client("10.0.0.1", &[(header::FORWARDED, &line)]);
        }
    }
}
