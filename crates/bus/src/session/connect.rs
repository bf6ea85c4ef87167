//! Opens a connection: tries the configured addresses until one lets the user in.

use std::net::IpAddr;
use std::time::Duration;

use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::error::Error as AmqpError;
use amqprs::security::SecurityCredentials;
use amqprs::tls::TlsAdaptor;
use config::Rabbitmq;
use runtime::addresses::{self, Found};
use secrecy::ExposeSecret;
use tls::{Files, Refusal};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::{HEARTBEAT_SECONDS, SessionError};

/// The deadline of connecting and logging in.
const OPEN_DEADLINE: Duration = Duration::from_secs(10);
/// RabbitMQ answers a wrong password with a reset after at least this time.
const LOGIN_REFUSAL_PAUSE: Duration = Duration::from_millis(2_500);
/// How long a server that hung up is asked why.
const PROBE_LIMIT: Duration = Duration::from_secs(2);
/// The longest name that a message can carry, in bytes (a short string of AMQP).
const MAX_USER: usize = 255;
/// What amqprs says when the server does not offer to log in by a certificate.
const NO_EXTERNAL: &str = "authentication 'EXTERNAL' is not supported";

/// A connection that RabbitMQ let somebody in by.
pub(super) struct Login {
    pub(super) connection: Connection,
    /// The name of who logged in. `None`: by a certificate, from which RabbitMQ takes the name.
    pub(super) user: Option<String>,
}

/// Connects and logs in at the first address that succeeds.
pub(super) async fn connect(settings: &Rabbitmq, name: &str, max_body: u64) -> Result<Login, SessionError> {
    let deadline = Instant::now() + OPEN_DEADLINE;
    let silent = || SessionError::Timeout { doing: "connecting".to_owned(), after: OPEN_DEADLINE };
    // The files are looked at each time: a certificate may change while a service runs.
    let config = tls::client::current(&Files::from(settings))
        .map_err(|why| SessionError::TlsFiles { address: address_of(settings), why: Box::new(why) })?;
    let tls = config.map(TlsConnector::from);
    let found = timeout_at(deadline, addresses::resolve_named(&settings.host, settings.port)).await;
    let found = found.map_err(|_| silent())?.map_err(|why| SessionError::Unreachable {
        address: address_of(settings),
        why: AmqpError::NetworkError(why.to_string()),
    })?;
    // All nodes of a cluster serve alike, and each should serve its share.
    let found = addresses::shuffled(found);
    let attempt = |found| connect_to(found, settings, tls.as_ref(), name, max_body);
    let failures = match addresses::first_to_answer(found, deadline - Instant::now(), attempt).await {
        Ok(login) => return Ok(login),
        Err(failures) => failures,
    };
    // Return the error of the address that came furthest.
    let rank = |failure: &SessionError| u8::from(!matches!(failure, SessionError::Unreachable { .. }));
    Err(failures.into_iter().max_by_key(rank).unwrap_or_else(silent))
}

async fn connect_to(
    found: Found,
    settings: &Rabbitmq,
    tls: Option<&TlsConnector>,
    name: &str,
    max_body: u64,
) -> Result<Login, SessionError> {
    let Found { host, address } = &found;
    // An IPv6 address needs brackets before its port.
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let password = settings.password.expose_secret();
    let mut arguments = OpenConnectionArguments::new(&ip, address.port(), &settings.user, password);
    arguments
        .virtual_host(&settings.vhost)
        .connection_name(name)
        .heartbeat(HEARTBEAT_SECONDS)
        .max_body_size(max_body);
    if let Some(connector) = tls {
        arguments.tls_adaptor(TlsAdaptor::new(connector.clone(), host.clone()));
    }
    if logs_in_by_certificate(settings) {
        let mut by_certificate = arguments.clone();
        by_certificate.credentials(SecurityCredentials::new_external());
        match open(&by_certificate, settings, &found).await {
            Err(SessionError::Refused { reason, .. }) if reason.contains(NO_EXTERNAL) => {}
            opened => return Ok(Login { connection: opened?, user: None }),
        }
    }
    let connection = open(&arguments, settings, &found).await?;
    Ok(Login { connection, user: Some(settings.user.clone()).filter(|user| user.len() <= MAX_USER) })
}

/// Whether there is a certificate, and no password beside it.
fn logs_in_by_certificate(settings: &Rabbitmq) -> bool {
    let password = settings.password.expose_secret();
    let is_own = !password.is_empty() && password != Rabbitmq::default().password.expose_secret();
    settings.tls_cert.is_some() && settings.tls != config::TlsMode::Disable && !is_own
}

async fn open(
    arguments: &OpenConnectionArguments,
    settings: &Rabbitmq,
    found: &Found,
) -> Result<Connection, SessionError> {
    let started = Instant::now();
    let why = match Connection::open(arguments).await {
        Ok(connection) => return Ok(connection),
        Err(why) => why,
    };
    let after = started.elapsed();
    if hung_up(&why)
        && after < LOGIN_REFUSAL_PAUSE
        && let Some(why) = refusal(settings, found).await
    {
        return Err(SessionError::Tls { address: address_of(settings), why });
    }
    Err(classify(settings, why, after))
}

/// What a server that hung up says of TLS to whoever asks again.
async fn refusal(settings: &Rabbitmq, Found { host, address }: &Found) -> Option<Refusal> {
    if settings.tls == config::TlsMode::Disable {
        return tls::speaks_tls(*address, PROBE_LIMIT).await.then_some(Refusal::TlsDemanded);
    }
    tls::why_it_hung_up(&Files::from(settings), host, TcpStream::connect(*address), PROBE_LIMIT).await
}

/// Whether the server accepted the connection, and ended it or answered in another protocol.
fn hung_up(why: &AmqpError) -> bool {
    match why {
        AmqpError::NetworkError(_) => true,
        AmqpError::NetworkIoError(why) => tls::hung_up(why),
        _ => false,
    }
}

fn address_of(settings: &Rabbitmq) -> String {
    config::addresses(&settings.host, settings.port)
}

fn classify(settings: &Rabbitmq, why: AmqpError, after: Duration) -> SessionError {
    let address = address_of(settings);
    if let Some(why) = Refusal::of(&why) {
        return SessionError::Tls { address, why };
    }
    match why {
        AmqpError::ConnectionOpenError(said) => SessionError::Refused {
            address,
            user: settings.user.clone(),
            vhost: settings.vhost.clone(),
            reason: reason_of(&said),
        },
        AmqpError::NetworkError(_) | AmqpError::NetworkIoError(_) if after >= LOGIN_REFUSAL_PAUSE => {
            SessionError::LoginRefused { address, user: settings.user.clone() }
        }
        _ => SessionError::Unreachable { address, why },
    }
}

/// Finds RabbitMQ's reason in what amqprs prints of its frame.
fn reason_of(said: &str) -> String {
    let quoted = said.split_once("reply_text: ").and_then(|(_, rest)| rest.split('"').nth(1));
    quoted.unwrap_or(said).to_owned()
}
