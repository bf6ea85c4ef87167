//! Chooses free TCP ports.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;

/// The default start of the ephemeral ports on Linux and macOS.
const USUAL_EPHEMERAL_START: u16 = 32_768;
/// The number of ports after the preferred one that count as near it.
const NEARBY: u16 = 50;
/// The number of attempts if any port will do.
const ATTEMPTS: u16 = 200;

/// A free port on 127.0.0.1: the preferred one if possible (0: any).
///
/// # Errors
/// There is none.
pub fn free_port(wished: u16) -> io::Result<u16> {
    PortClaim::of(wished).map(|claim| claim.port())
}

/// A TCP port that this process has chosen for a server or a service. While the claim exists, no
/// other process that chooses its ports here (another `up`, another test) chooses the same port,
/// even before anything listens on it. The claim binds the UDP port of the same number. Servers do
/// not use that port, and the kernel releases it however this process ends.
#[derive(Debug)]
pub struct PortClaim {
    port: u16,
    _held: UdpSocket,
}

impl PortClaim {
    /// Claims the preferred port if it is free (0: any).
    ///
    /// # Errors
    /// None is free.
    pub fn of(wished: u16) -> io::Result<Self> {
        if wished != 0
            && let Ok(claim) = Self::take(wished)
        {
            return Ok(claim);
        }
        let outside = outside_ephemeral();
        let claim = (0..ATTEMPTS).find_map(|_| Self::take(rand::random_range(outside.clone())).ok());
        claim
            .map_or_else(|| Self::take(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port()), Ok)
    }

    /// Claims the preferred port, else the next free one, but none of those that others prefer.
    ///
    /// # Errors
    /// None is free.
    pub fn near(wished: u16, of_others: &[u16]) -> io::Result<Self> {
        let mut nearby = (wished..=wished.saturating_add(NEARBY)).filter(|port| !of_others.contains(port));
        nearby.find_map(|port| Self::take(port).ok()).map_or_else(|| Self::of(0), Ok)
    }

    /// Claims this port, if it is free (0: one that the system chooses).
    fn take(port: u16) -> io::Result<Self> {
        let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
        let port = held.local_addr()?.port();
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        Ok(Self { port, _held: held })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Ports outside of the ephemeral range. A restarting server could otherwise find its port taken by
/// an outgoing connection of a client that was trying to reach it.
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
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = holder.local_addr().unwrap().port();
        assert_ne!(free_port(taken).unwrap(), taken);
        let near = PortClaim::near(taken, &[]).unwrap().port();
        assert_ne!(near, taken);
        assert_ne!(PortClaim::near(taken, &[near]).unwrap().port(), near);
    }

    /// Tries several ports: another process may hold one at this moment. So may a child process
    /// that a neighbouring test is starting, until its `exec`.
    #[test]
    fn a_free_port_is_given_as_wished() {
        assert!((20_000..20_050).any(|wished| free_port(wished).unwrap() == wished));
        assert!((20_000..20_050).any(|wished| PortClaim::near(wished, &[]).unwrap().port() == wished));
    }

    #[test]
    fn what_one_has_chosen_no_other_chooses() {
        let first = PortClaim::of(0).unwrap();
        assert_ne!(PortClaim::of(first.port()).unwrap().port(), first.port(), "nobody listens on it yet");
        assert_ne!(PortClaim::near(first.port(), &[]).unwrap().port(), first.port());
    }
}
