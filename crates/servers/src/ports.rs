//! Free TCP ports.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Where Linux and macOS let the ports of outgoing connections begin, unless told otherwise.
const USUAL_EPHEMERAL_START: u16 = 32_768;

/// A port on 127.0.0.1 that nobody listens on: the wished one if it is free (0: any).
///
/// # Errors
/// There is none.
pub fn free_port(wished: u16) -> io::Result<u16> {
    reserve(wished)?.local_addr().map(|address| address.port())
}

/// As [`free_port`], for several at once: they all differ.
pub(crate) fn free_ports<const N: usize>(wished: [u16; N]) -> io::Result<[u16; N]> {
    let mut reserved = Vec::with_capacity(N);
    let mut ports = wished;
    for port in &mut ports {
        let listener = reserve(*port)?;
        *port = listener.local_addr()?.port();
        reserved.push(listener);
    }
    Ok(ports)
}

fn reserve(wished: u16) -> io::Result<TcpListener> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    if wished != 0
        && let Ok(listener) = bind(wished)
    {
        return Ok(listener);
    }
    let attempts = (0..200).filter_map(|_| bind(rand::random_range(outside_ephemeral())).ok());
    attempts.into_iter().next().map_or_else(|| bind(0), Ok)
}

/// Ports that no outgoing connection takes. A server that restarts would otherwise find its port in the hands of a client
/// that was just trying to reach it.
fn outside_ephemeral() -> Range<u16> {
    let start = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(USUAL_EPHEMERAL_START);
    if start >= 22_000 { 20_000..start.min(USUAL_EPHEMERAL_START) } else { 20_000..USUAL_EPHEMERAL_START }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_replaced() {
        let holder = reserve(0).unwrap();
        let taken = holder.local_addr().unwrap().port();
        assert_ne!(free_port(taken).unwrap(), taken);
        drop(holder);
    }

    /// Any of several: a port that another process holds at this moment says nothing, nor does one that was just given back
    /// (a child that a neighbouring test is starting keeps it until its `exec`).
    #[test]
    fn a_free_port_is_given_as_wished() {
        assert!((20_000..20_050).any(|wished| free_port(wished).unwrap() == wished));
    }

    #[test]
    fn several_ports_differ() {
        let ports = free_ports([0; 20]).unwrap();
        let distinct: std::collections::BTreeSet<_> = ports.iter().collect();
        assert_eq!(distinct.len(), 20);
    }
}
