//! Where a listener is reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address under which a listener on `bind` is reached from its own machine: one that listens
/// on all addresses is asked on the loopback.
pub fn reachable(bind: IpAddr) -> IpAddr {
    match bind {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}
