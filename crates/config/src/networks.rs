//! Networks of IP addresses, as CIDR writes them (RFC 4632, RFC 4291).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::comma_list::entries;

/// Networks such as `10.0.0.0/8`, and single addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    /// How many leading bits its addresses share.
    length: u32,
}

/// A text is no list of networks.
#[derive(Debug, thiserror::Error)]
#[error(
    "names '{0}', which is no network (allowed: addresses such as 192.0.2.7, and networks such as 10.0.0.0/8 or fd00::/8, separated by commas)"
)]
pub struct ParseNetworksError(String);

impl Networks {
    /// Whether the address is in one of them. An IPv4 address that is written as one of IPv6
    /// (`::ffff:192.0.2.7`) is the same one.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address.to_canonical()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the configuration file has them.
    pub(crate) fn written(&self) -> String {
        self.0.iter().map(Network::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && self.prefix_of(address) == self.prefix_of(self.address)
    }

    /// The leading bits.
    fn prefix_of(self, address: IpAddr) -> u128 {
        let (bits, width) = bits(address);
        bits.checked_shr(width.saturating_sub(self.length)).unwrap_or_default()
    }
}

/// The bits of an address, and how many it has.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (address.to_bits().into(), 32),
        IpAddr::V6(address) => (address.to_bits(), Ipv6Addr::BITS),
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse().map_err(drop)?)),
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().map_err(drop)?.to_canonical();
        let (_, width) = bits(address);
        let length = length.unwrap_or(width);
        if length <= width { Ok(Self { address, length }) } else { Err(()) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, width) = bits(self.address);
        if self.length == width { self.address.fmt(f) } else { write!(f, "{}/{}", self.address, self.length) }
    }
}

impl FromStr for Networks {
    type Err = ParseNetworksError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = |part: &str| part.parse().map_err(|()| ParseNetworksError(part.to_owned()));
        entries(text).map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("not set") } else { f.write_str(&self.written()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_list_of_networks_is_read_and_nothing_else() {
        let networks: Networks = "10.0.0.0/8, 192.0.2.7,, fd00::/8,::1".parse().unwrap();
        for inside in ["10.255.0.1", "192.0.2.7", "::ffff:10.1.2.3", "fdff::1", "::1"] {
            assert!(networks.contain(address(inside)), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.6", "fe00::1", "::2", "::a00:1"] {
            assert!(!networks.contain(address(outside)), "{outside}");
        }
        assert_eq!(networks.to_string(), "10.0.0.0/8, 192.0.2.7, fd00::/8, ::1");
        assert_eq!(networks.written().parse::<Networks>().unwrap(), networks);
        assert!("".parse::<Networks>().unwrap().is_empty());
        for wrong in
            [",", ", ,", "proxy.example", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8/8"]
        {
            let why = wrong.parse::<Networks>().unwrap_err().to_string();
            assert!(why.contains(&format!("'{wrong}'")), "{why}");
        }
    }

    #[test]
    fn a_network_of_length_zero_has_every_address_of_its_kind() {
        let all: Networks = "0.0.0.0/0".parse().unwrap();
        assert!(all.contain(address("255.255.255.255")) && !all.contain(address("::1")));
        let all: Networks = "::/0".parse().unwrap();
        assert!(all.contain(address("ffff::")) && !all.contain(address("192.0.2.7")));
    }
}
