//! RabbitMQ's management plugin, asked over HTTP, with TLS or without as AMQP is.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use config::{Rabbitmq, TlsMode};
use domain::ServerUser;
use runtime::http_client::{Request, Response, exchange_on};
use secrecy::ExposeSecret;
use serde_json::json;
use tls::{Files, FilesError, Refusal, Section};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::User;

/// Time for one request, and for looking up one name.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a server that hung up is asked why.
const PROBE_LIMIT: Duration = Duration::from_secs(2);
/// Where the plugin listens, unless its settings say otherwise.
const PORT_WITHOUT_TLS: u16 = 15_672;
const PORT_OVER_TLS: u16 = 15_671;
/// The status of what was not there before (RFC 9110, section 15.3.2). Otherwise it is 204.
const CREATED: u16 = 201;

/// Why RabbitMQ has not done what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ManagementError {
    /// No address answers.
    #[error("RabbitMQ's management plugin cannot be reached at {address}")]
    Unreachable {
        /// The hosts of the setting, and the port.
        address: String,
        /// What the last one of them said.
        source: io::Error,
    },
    /// Its certificate, or ours, is not accepted; or only one side speaks TLS.
    #[error("RabbitMQ's management plugin cannot be used at {address}: {why}; {}", advice(.why))]
    Tls {
        /// The hosts of the setting, and the port.
        address: String,
        /// What is wrong.
        why: Refusal,
    },
    /// The files of `rabbitmq.tls_ca` and its siblings cannot be used.
    #[error("RabbitMQ's management plugin is not asked")]
    Files(#[from] FilesError),
    /// It answers no.
    #[error(
        "RabbitMQ's management plugin refuses '{request}' ({status}). Check that rabbitmq.user (RABBITMQ_USER) is an administrator, and \
         its password"
    )]
    Refused {
        /// Method and path.
        request: String,
        /// The HTTP status.
        status: u16,
    },
}

impl ManagementError {
    /// Whether it may pass: the server is not there yet, or starts.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            // What a server says that has not read its certificate yet.
            Self::Tls { why, .. } => matches!(why, Refusal::Handshake(_)),
            Self::Files(_) => false,
            Self::Refused { status, .. } => *status >= 500,
        }
    }

    /// Of two failures the one that says more: a server that refuses is there at least.
    fn or_more_telling(self, other: Self) -> Self {
        if matches!(self, Self::Unreachable { .. }) { other } else { self }
    }
}

/// What the operator can do about it. The port is no setting here.
fn advice(why: &Refusal) -> &'static str {
    match why {
        Refusal::NoTls => {
            "name the port of its listener for TLS (management.ssl.port, usually 15671) in --management-port, or set \
             rabbitmq.tls (RABBITMQ_TLS) to disable"
        }
        why => why.advice(Section::Rabbitmq),
    }
}

/// The plugin of the configured RabbitMQ.
pub struct Management<'a> {
    settings: &'a Rabbitmq,
    port: u16,
}

impl<'a> Management<'a> {
    /// At this port, or at the usual one.
    pub fn new(settings: &'a Rabbitmq, port: Option<u16>) -> Self {
        let usual = if settings.tls == TlsMode::Disable { PORT_WITHOUT_TLS } else { PORT_OVER_TLS };
        Self { settings, port: port.unwrap_or(usual) }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes the virtual host. It can be repeated. Returns whether it was not there before.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub(super) async fn ensure_vhost(&self) -> Result<bool, ManagementError> {
        let path = format!("/api/vhosts/{}", segment(&self.settings.vhost));
        Ok(self.put(&path, None).await? == CREATED)
    }

    /// Makes the users. It can be repeated.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub(super) async fn ensure_users(&self, users: &[User]) -> Result<(), ManagementError> {
        let vhost = segment(&self.settings.vhost);
        for User { of, name, password, may } in users {
            let name = segment(name);
            // The exporter's user may also read RabbitMQ's own figures, and scale the workers.
            let tags = if *of == ServerUser::Exporter { "monitoring" } else { "" };
            let account = json!({"password": password.expose_secret(), "tags": tags}).to_string();
            self.put(&format!("/api/users/{name}"), Some(&account)).await?;
            let may = json!({"configure": may.configure, "write": may.write, "read": may.read}).to_string();
            self.put(&format!("/api/permissions/{vhost}/{name}"), Some(&may)).await?;
        }
        Ok(())
    }

    /// Returns the HTTP status of success.
    async fn put(&self, path: &str, body: Option<&str>) -> Result<u16, ManagementError> {
        let login = format!("{}:{}", self.settings.user, self.settings.password.expose_secret());
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(login));
        let headers = [("Authorization", authorization.as_str())];
        let response = self.send(&Request { method: "PUT", path, headers: &headers, body }).await?;
        if (200..300).contains(&response.status) {
            return Ok(response.status);
        }
        Err(ManagementError::Refused { request: format!("PUT {path}"), status: response.status })
    }

    /// Asks the first address that answers.
    async fn send(&self, request: &Request<'_>) -> Result<Response, ManagementError> {
        let hosts = config::parse_hosts(&self.settings.host, self.port).unwrap_or_default();
        let mut failure = self.unreachable(ErrorKind::NotFound.into());
        for (host, _) in hosts {
            let found = timeout(LIMIT, lookup_host((host.as_str(), self.port))).await;
            let addresses = match found.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into())) {
                Ok(addresses) => addresses,
                Err(why) => {
                    failure = failure.or_more_telling(self.unreachable(why));
                    continue;
                }
            };
            for address in addresses {
                match self.ask(&host, address, request).await {
                    Ok(response) => return Ok(response),
                    Err(why) => failure = failure.or_more_telling(why),
                }
            }
        }
        Err(failure)
    }

    /// Asks one address of a host. Over TLS its certificate must be as the settings want it.
    async fn ask(
        &self,
        host: &str,
        address: SocketAddr,
        request: &Request<'_>,
    ) -> Result<Response, ManagementError> {
        let files = Files::from(self.settings);
        let config = tls::client::current(&files)?;
        let exchange = async {
            let tcp = TcpStream::connect(address).await?;
            match config {
                Some(config) => {
                    let stream = tls::client::connect(config, host, tcp).await?;
                    exchange_on(stream, address, request).await
                }
                None => exchange_on(tcp, address, request).await,
            }
        };
        let why = match timeout(LIMIT, exchange).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(why)) => why,
            Err(_) => ErrorKind::TimedOut.into(),
        };
        Err(match refusal(&files, host, address, &why).await {
            Some(why) => ManagementError::Tls { address: self.address(), why },
            None => self.unreachable(why),
        })
    }

    fn unreachable(&self, source: io::Error) -> ManagementError {
        ManagementError::Unreachable { address: self.address(), source }
    }

    fn address(&self) -> String {
        let hosts = config::parse_hosts(&self.settings.host, self.port).unwrap_or_default();
        let names: Vec<String> = hosts.into_iter().map(|(host, _)| host).collect();
        format!("{}, port {}", names.join(", "), self.port)
    }
}

/// What is wrong with TLS, if that is why there was no answer. A server that hung up is asked once
/// more, and shown no password.
async fn refusal(files: &Files, host: &str, address: SocketAddr, why: &io::Error) -> Option<Refusal> {
    if let Some(refusal) = Refusal::of(why) {
        return Some(refusal);
    }
    // An alert of TLS is no answer of HTTP.
    let is_odd = tls::hung_up(why) || why.kind() == ErrorKind::InvalidData;
    if !is_odd {
        return None;
    }
    if files.mode == TlsMode::Disable {
        return tls::speaks_tls(address, PROBE_LIMIT).await.then_some(Refusal::TlsDemanded);
    }
    tls::why_it_hung_up(files, host, TcpStream::connect(address), PROBE_LIMIT).await
}

/// A name as one segment of a path (RFC 3986, section 2.1): `/` becomes `%2F`.
fn segment(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment() {
        assert_eq!(segment("/"), "%2F");
        assert_eq!(segment("restaurant_db_order"), "restaurant_db_order");
        assert_eq!(segment("é?a"), "%C3%A9%3Fa");
    }

    #[test]
    fn the_usual_port_is_that_for_tls_or_that_without() {
        for (tls, usual) in
            [(TlsMode::Disable, 15_672), (TlsMode::Require, 15_671), (TlsMode::VerifyFull, 15_671)]
        {
            let settings = Rabbitmq { tls, ..Rabbitmq::default() };
            assert_eq!(Management::new(&settings, None).port(), usual, "{tls}");
            assert_eq!(Management::new(&settings, Some(1)).port(), 1, "{tls}");
        }
    }

    #[test]
    fn advice_names_what_can_be_set_here() {
        assert!(advice(&Refusal::NoTls).contains("--management-port"));
        assert!(advice(&Refusal::TlsDemanded).contains("RABBITMQ_TLS"));
        assert!(advice(&Refusal::UnknownAuthority).contains("RABBITMQ_TLS_CA"));
    }

    #[test]
    fn a_refusal_says_more_than_silence_and_does_not_pass() {
        let silence = || ManagementError::Unreachable {
            address: "localhost, port 1".to_owned(),
            source: ErrorKind::ConnectionRefused.into(),
        };
        let refusal =
            || ManagementError::Tls { address: "localhost, port 1".to_owned(), why: Refusal::Expired };
        for said in [silence().or_more_telling(refusal()), refusal().or_more_telling(silence())] {
            assert!(matches!(said, ManagementError::Tls { .. }) && !said.may_pass(), "{said}");
        }
        assert!(silence().may_pass());
    }
}
