//! The service under load: its address, and a check that it is the right one.

use std::fmt;
use std::io::ErrorKind;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use domain::ServiceName;
use restaurant_load::connection::Connection;
use runtime::{Exit, with_causes};
use serde::Deserialize;
use tokio::time::timeout;

/// Longest wait for a response. Our services answer `/health` at once, or within 4 s if their
/// servers do not.
const LIMIT: Duration = Duration::from_secs(5);

/// The services that can be put under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The order service.
    Order,
    /// The tracking service.
    Tracking,
}

impl Kind {
    fn name(self) -> ServiceName {
        match self {
            Self::Order => ServiceName::Order,
            Self::Tracking => ServiceName::Tracking,
        }
    }

    /// The argument for its address.
    fn flag(self) -> &'static str {
        match self {
            Self::Order => "--url",
            Self::Tracking => "--tracking",
        }
    }

    fn default_port(self) -> u16 {
        self.name().port().unwrap_or_default()
    }

    /// Its URL on this machine, on its default port.
    pub fn default_url(self) -> String {
        format!("http://127.0.0.1:{}", self.default_port())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} service", self.name().short_name())
    }
}

/// A service under load.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Its kind.
    pub kind: Kind,
    /// Its address.
    pub address: SocketAddr,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} at {}", self.kind, self.address)
    }
}

#[derive(Deserialize)]
struct Health {
    service: String,
}

impl Service {
    /// The service at this URL.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn at(kind: Kind, url: &str) -> Result<Self, Exit> {
        let (flag, example) = (kind.flag(), kind.default_url());
        let unknown_host = |why: &str| {
            let advice = "Correct the name, or give an IP address";
            Exit::Failed(format!("{flag} is '{url}', but its host is not found: {why}. {advice}"))
        };
        if url.starts_with("https://") {
            return Err(Exit::Usage(format!(
                "{flag} is '{url}', but TLS is not supported; give an address such as {example}"
            )));
        }
        let authority = url.trim_start_matches("http://").trim_end_matches('/');
        match authority.to_socket_addrs().map(|mut found| found.next()) {
            Ok(Some(address)) => Ok(Self { kind, address }),
            Ok(None) => Err(unknown_host("it has no address")),
            Err(why) if why.kind() == ErrorKind::InvalidInput => {
                Err(Exit::Usage(format!("{flag} is '{url}', which is no address such as {example}")))
            }
            Err(why) => Err(unknown_host(&why.to_string())),
        }
    }

    /// Asks the service for its kind. Healthy or not, it must be the expected one.
    ///
    /// # Errors
    /// Nothing answers, or another program.
    pub async fn probe(self) -> Result<(), Exit> {
        let Self { kind, address } = self;
        let (flag, port) = (kind.flag(), kind.default_port());
        let silent = |why: String| {
            let advice = format!("'cargo xtask up' starts one; say with {flag} where it is");
            Exit::Failed(format!("no {kind} answers at {address}: {why}. {advice}"))
        };
        let mut connection = Connection::to(address);
        let answer = timeout(LIMIT, connection.send("GET", "/health", String::new())).await;
        let answer = answer.map_err(|_| silent(format!("not within {} s", LIMIT.as_secs())))?;
        let (status, body) = answer.map_err(|why| silent(with_causes(&*why)))?;
        let health = serde_json::from_slice::<Health>(&body).ok();
        let is_named = |kind: &Kind| health.as_ref().is_some_and(|it| it.service == kind.name().binary());
        match [Kind::Order, Kind::Tracking].into_iter().find(is_named) {
            Some(found) if found == kind => Ok(()),
            Some(found) => Err(Exit::Failed(format!(
                "{address} is the {found}, not the {kind}; give its address by {flag}"
            ))),
            None => Err(Exit::Failed(format!(
                "what answers at {address} is not the {kind} (GET /health: {status}); its port is {port} by default, \
                 give its address by {flag}"
            ))),
        }
    }

    /// The advice if it answered no request with 200.
    pub fn advice(self) -> String {
        let doubt = match self.kind {
            Kind::Order => "Its log says why",
            Kind::Tracking => "Are there orders such as --statuses names? Its log says more",
        };
        let (kind, flag, port) = (self.kind, self.kind.flag(), self.kind.default_port());
        format!(
            "{self} answered no request with 200: the figures prove nothing. {doubt}; or is this not the {kind} \
             that you mean? Its port is {port} by default, {flag} gives another"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_leads_nowhere_is_told_why() {
        let local = Service::at(Kind::Tracking, "http://127.0.0.1:3002/").unwrap();
        assert_eq!(local.to_string(), "the tracking service at 127.0.0.1:3002");
        let exit = |url: &str| Service::at(Kind::Order, url).unwrap_err();
        let usage = |url: &str| match exit(url) {
            Exit::Usage(text) => text,
            exit => panic!("{exit:?}"),
        };
        assert_eq!(
            usage("https://127.0.0.1:3000"),
            "--url is 'https://127.0.0.1:3000', but TLS is not supported; give an address such as http://127.0.0.1:3000"
        );
        assert!(usage("nowhere").contains("which is no address such as http://127.0.0.1:3000"));
        assert!(usage("http://127.0.0.1:3000/orders").contains("which is no address"));
        let unknown = exit("http://nowhere.invalid:3000");
        assert!(
            matches!(&unknown, Exit::Failed(text) if text.contains("is not found: failed to lookup address")),
            "{unknown:?}"
        );
    }
}
