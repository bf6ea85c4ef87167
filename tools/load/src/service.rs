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

/// The argument for a service's address.
fn flag(name: ServiceName) -> &'static str {
    if name == ServiceName::Order { "--url" } else { "--tracking" }
}

/// A service's URL on this machine, on its default port.
pub fn default_url(name: ServiceName) -> String {
    format!("http://127.0.0.1:{}", name.port().unwrap_or_default())
}

/// A service under load: the order service, or the tracking service.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Which one.
    pub name: ServiceName,
    /// Its address.
    pub address: SocketAddr,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} service at {}", self.name.short_name(), self.address)
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
    pub fn at(name: ServiceName, url: &str) -> Result<Self, Exit> {
        let (flag, example) = (flag(name), default_url(name));
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
            Ok(Some(address)) => Ok(Self { name, address }),
            Ok(None) => Err(unknown_host("it has no address")),
            Err(why) if why.kind() == ErrorKind::InvalidInput => {
                Err(Exit::Usage(format!("{flag} is '{url}', which is no address such as {example}")))
            }
            Err(why) => Err(unknown_host(&why.to_string())),
        }
    }

    /// Asks the service for its name. Healthy or not, it must be the expected one.
    ///
    /// # Errors
    /// Nothing answers, or another program.
    pub async fn probe(self) -> Result<(), Exit> {
        let Self { name, address } = self;
        let (wanted, flag, port) = (name.short_name(), flag(name), name.port().unwrap_or_default());
        let silent = |why: String| {
            let advice = format!("'cargo xtask up' starts one; say with {flag} where it is");
            Exit::Failed(format!("no {wanted} service answers at {address}: {why}. {advice}"))
        };
        let mut connection = Connection::to(address);
        let answer = timeout(LIMIT, connection.send("GET", "/health", String::new())).await;
        let answer = answer.map_err(|_| silent(format!("not within {} s", LIMIT.as_secs())))?;
        let (status, body) = answer.map_err(|why| silent(with_causes(&*why)))?;
        let health = serde_json::from_slice::<Health>(&body).ok();
        let found = health.and_then(|health| ServiceName::of_binary(&health.service));
        match found.filter(|found| found.port().is_some()) {
            Some(found) if found == name => Ok(()),
            Some(found) => Err(Exit::Failed(format!(
                "{address} is the {} service, not the {wanted} service; give its address by {flag}",
                found.short_name()
            ))),
            None => Err(Exit::Failed(format!(
                "what answers at {address} is not the {wanted} service (GET /health: {status}); its port is {port} by default, \
                 give its address by {flag}"
            ))),
        }
    }

    /// The advice if it answered no request with 200.
    pub fn advice(self) -> String {
        let Self { name, .. } = self;
        let doubt = if name == ServiceName::Order {
            "Its log says why"
        } else {
            "Are there orders such as --statuses names? Its log says more"
        };
        let (wanted, flag, port) = (name.short_name(), flag(name), name.port().unwrap_or_default());
        format!(
            "{self} answered no request with 200: the figures prove nothing. {doubt}; or is this not the {wanted} service \
             that you mean? Its port is {port} by default, {flag} gives another"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_leads_nowhere_is_told_why() {
        let local = Service::at(ServiceName::Tracking, "http://127.0.0.1:3002/").unwrap();
        assert_eq!(local.to_string(), "the tracking service at 127.0.0.1:3002");
        let exit = |url: &str| Service::at(ServiceName::Order, url).unwrap_err();
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
