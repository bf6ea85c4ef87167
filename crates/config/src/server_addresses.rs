//! Where a server is: names and addresses of a setting.

use std::net::IpAddr;

/// Reads a setting such as `db`, `10.0.0.1,10.0.0.2:5433` or `[::1]:5432`: names or addresses,
/// separated by commas, each perhaps with a port of its own in the place of `port`.
///
/// # Errors
/// What is wrong with it, as the rest of a sentence.
pub fn parse_hosts(setting: &str, port: u16) -> Result<Vec<(String, u16)>, String> {
    let last = setting.split(',').count() - 1;
    let read = |(number, named): (usize, &str)| match named.trim() {
        "" if last > 0 => Err(format!("has an empty entry {}: {EMPTY_ENTRY}", place_of(number, last))),
        named => parse_host(named, port),
    };
    setting.split(',').enumerate().map(read).collect()
}

/// What to do about an empty entry.
const EMPTY_ENTRY: &str = "write a name or an address there, or remove the comma";

/// Where an entry is that has nothing.
fn place_of(number: usize, last: usize) -> &'static str {
    if number == 0 {
        "before its first comma"
    } else if number == last {
        "after its last comma"
    } else {
        "between two commas"
    }
}

/// The same hosts for messages, each with its port: `10.0.0.1:5432, 10.0.0.2:5433`.
pub fn addresses(setting: &str, port: u16) -> String {
    let Ok(hosts) = parse_hosts(setting, port) else { return setting.to_owned() };
    let address = |(host, port): &(String, u16)| {
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    };
    hosts.iter().map(address).collect::<Vec<_>>().join(", ")
}

fn parse_host(named: &str, port: u16) -> Result<(String, u16), String> {
    let wrong = || {
        format!(
            "has '{named}', which is not a name or an address (allowed: one, or several separated by commas, each with ':port' if \
             it differs)"
        )
    };
    // An IPv6 address has colons of its own: with a port, it stands in brackets.
    let (host, its_port) = match named.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
        None if named.parse::<IpAddr>().is_ok() => (named, None),
        None => named.rsplit_once(':').map_or((named, None), |(host, port)| (host, Some(port))),
    };
    let its_port = match its_port {
        Some(text) => text.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?,
        None => port,
    };
    let is_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if host.parse::<IpAddr>().is_ok() || (!host.is_empty() && host.chars().all(is_name)) {
        Ok((host.to_owned(), its_port))
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_is_shown_with_the_port_that_it_has() {
        for (setting, expected) in [
            ("db", "db:1"),
            ("::1", "[::1]:1"),
            ("a.test:2, [::1]:3,b", "a.test:2, [::1]:3, b:1"),
            ("what is no setting", "what is no setting"),
        ] {
            assert_eq!(addresses(setting, 1), expected, "{setting}");
        }
    }

    #[test]
    fn an_empty_entry_is_told_with_its_place() {
        for (setting, place) in [
            ("a,,b", "between two commas"),
            ("a, ,b", "between two commas"),
            (",a", "before its first comma"),
            ("a,", "after its last comma"),
        ] {
            let why = parse_hosts(setting, 1).unwrap_err();
            assert!(why.starts_with(&format!("has an empty entry {place}: ")), "{setting}: {why}");
        }
    }

    #[test]
    fn a_setting_names_one_or_several() {
        let read = |setting: &str| {
            parse_hosts(setting, 1).map(|hosts| {
                hosts.iter().map(|(host, port)| format!("{host} {port}")).collect::<Vec<_>>().join(" | ")
            })
        };
        for (setting, expected) in [
            ("db", "db 1"),
            ("10.0.0.1", "10.0.0.1 1"),
            ("::1", "::1 1"),
            ("[::1]", "::1 1"),
            ("[::1]:2", "::1 2"),
            ("a.test:2, b_b.test", "a.test 2 | b_b.test 1"),
        ] {
            assert_eq!(read(setting).as_deref(), Ok(expected), "{setting}");
        }
        for setting in [
            "",
            "a,",
            "a b",
            "a:0",
            "a:70000",
            "http://db",
            "a:b:2",
            "[::1]2",
            "[::1]:",
            "[::1",
            "[]",
            "[a b]",
        ] {
            assert!(read(setting).is_err(), "{setting}");
        }
    }
}
