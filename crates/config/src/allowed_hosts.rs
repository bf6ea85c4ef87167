//! Names under which a server is called.

use std::fmt;
use std::str::FromStr;

use crate::comma_list::entries;

/// Names of hosts such as `shop.example`, without a scheme and without a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNames(Vec<String>);

/// A text is no list of host names.
#[derive(Debug, thiserror::Error)]
#[error(
    "names '{0}', which is no host name (allowed: names without scheme and port, such as shop.example, separated by commas)"
)]
pub struct ParseHostNamesError(String);

impl HostNames {
    /// Whether this is one of them. Upper and lower case are the same, and so is a dot at the end.
    pub fn contain(&self, name: &str) -> bool {
        let name = without_dot(name);
        self.0.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

impl FromStr for HostNames {
    type Err = ParseHostNamesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let checked = entries(text).map(|name| {
            let plain = without_dot(name);
            let is_name = !plain.is_empty()
                && plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
            is_name.then(|| plain.to_owned()).ok_or_else(|| ParseHostNamesError(name.to_owned()))
        });
        checked.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for HostNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("not set") } else { f.write_str(&self.0.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_names_is_read_and_nothing_else() {
        let names: HostNames = "order-service, Shop.Example.,".parse().unwrap();
        assert!(
            names.contain("ORDER-service") && names.contain("shop.example") && names.contain("shop.example.")
        );
        assert!(!names.contain("evil.shop.example") && !names.contain("shop") && !names.contain(""));
        assert_eq!(names.to_string(), "order-service, Shop.Example");
        assert!("".parse::<HostNames>().unwrap().is_empty());
        for wrong in
            [",", ", ,", "https://shop.example", "shop.example:3000", "*", "*.example", ".", "a b", "shop/"]
        {
            let why = wrong.parse::<HostNames>().unwrap_err().to_string();
            assert!(why.contains(&format!("'{wrong}'")), "{why}");
        }
    }
}
