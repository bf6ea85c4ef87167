//! The address of a listener, as seen from its own machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address at which a listener on `bind` is reached from its own machine: the loopback, if it
/// listens on all addresses.
pub fn reachable(bind: IpAddr) -> IpAddr {
    match bind {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}
