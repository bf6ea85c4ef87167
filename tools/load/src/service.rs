//! The service under load: its address, and a check that it is the right one.

use std::fmt;
use std::io::ErrorKind;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use domain::ServiceName;
use runtime::{Exit, with_causes};
use serde::Deserialize;
use tokio::time::timeout;

use crate::connection::{Connection, RequestError};

/// Longest wait for a response. Our services answer `/health` at once, or within 4 s if their
/// servers do not.
const LIMIT: Duration = Duration::from_secs(5);

/// The kind of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The order service.
    Order,
    /// The tracking service.
    Tracking,
}

impl Kind {
    /// The kind that `/health` names like this.
    fn named(name: &str) -> Option<Self> {
        [Self::Order, Self::Tracking].into_iter().find(|kind| kind.service().binary() == name)
    }

    fn service(self) -> ServiceName {
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
        self.service().port().unwrap_or_default()
    }

    /// Its URL on this machine, on its default port.
    pub fn default_url(self) -> String {
        format!("http://127.0.0.1:{}", self.default_port())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Order => "order service",
            Self::Tracking => "tracking service",
        })
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

/// A URL cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ParseUrlError {
    /// It requires TLS.
    #[error("{flag} is '{url}', but TLS is not supported; give an address such as http://127.0.0.1:{port}",
        flag = kind.flag(), port = kind.default_port())]
    Tls { kind: Kind, url: String },
    /// It has no host, or no port.
    #[error("{flag} is '{url}', which is no address such as http://127.0.0.1:{port}",
        flag = kind.flag(), port = kind.default_port())]
    Malformed { kind: Kind, url: String },
    /// Its host has no address.
    #[error("{flag} is '{url}', but its host is not found: {why}. Correct the name, or give an IP address", flag = kind.flag())]
    UnknownHost { kind: Kind, url: String, why: String },
}

impl From<ParseUrlError> for Exit {
    fn from(why: ParseUrlError) -> Self {
        match why {
            ParseUrlError::Tls { .. } | ParseUrlError::Malformed { .. } => Self::Usage(why.to_string()),
            ParseUrlError::UnknownHost { .. } => Self::Failed(why.to_string()),
        }
    }
}

/// The expected service does not answer.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nothing answers.
    #[error("no {kind} answers at {address}: {why}. 'cargo xtask up' starts one; say with {flag} where it is",
        kind = wanted.kind, address = wanted.address, flag = wanted.kind.flag())]
    Silent { wanted: Service, why: String },
    /// Another service of ours answers.
    #[error("{address} is the {found}, not the {kind}; give its address by {flag}",
        kind = wanted.kind, address = wanted.address, flag = wanted.kind.flag())]
    Other { wanted: Service, found: Kind },
    /// A foreign program answers.
    #[error(
        "what answers at {address} is not the {kind} (GET /health: {status}); its port is {port} by default, give its \
         address by {flag}",
        kind = wanted.kind, address = wanted.address, flag = wanted.kind.flag(),
        port = wanted.kind.default_port()
    )]
    Foreign { wanted: Service, status: u16 },
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
    pub fn at(kind: Kind, url: &str) -> Result<Self, ParseUrlError> {
        let url = url.to_owned();
        if url.starts_with("https://") {
            return Err(ParseUrlError::Tls { kind, url });
        }
        let authority = url.trim_start_matches("http://").trim_end_matches('/');
        match authority.to_socket_addrs().map(|mut found| found.next()) {
            Ok(Some(address)) => Ok(Self { kind, address }),
            Ok(None) => Err(ParseUrlError::UnknownHost { kind, url, why: "it has no address".to_owned() }),
            Err(why) if why.kind() == ErrorKind::InvalidInput => Err(ParseUrlError::Malformed { kind, url }),
            Err(why) => Err(ParseUrlError::UnknownHost { kind, url, why: why.to_string() }),
        }
    }

    /// Asks the service for its kind. Healthy or not, it must be the expected one.
    ///
    /// # Errors
    /// Nothing answers, or another program.
    pub async fn probe(self) -> Result<(), ProbeError> {
        let silent = |why| ProbeError::Silent { wanted: self, why };
        let asking = async {
            let health =
                Connection::connect(self.address).await?.send("GET", "/health", String::new()).await?;
            Ok::<_, RequestError>(health)
        };
        let answer = timeout(LIMIT, asking).await;
        let answer = answer.map_err(|_| silent(format!("not within {} s", LIMIT.as_secs())))?;
        let (status, body) = answer.map_err(|why| silent(with_causes(&*why)))?;
        let health = serde_json::from_slice::<Health>(&body).ok();
        match health.and_then(|health| Kind::named(&health.service)) {
            Some(found) if found == self.kind => Ok(()),
            Some(found) => Err(ProbeError::Other { wanted: self, found }),
            None => Err(ProbeError::Foreign { wanted: self, status }),
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
            "{self} answered no request with 200: the figures prove nothing. {doubt}; or is this not the {kind} that you \
             mean? Its port is {port} by default, {flag} gives another"
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
        let exit = |url: &str| Exit::from(Service::at(Kind::Order, url).unwrap_err());
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
