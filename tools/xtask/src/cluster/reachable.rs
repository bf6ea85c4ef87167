//! Checks whether the configured servers answer and accept the login.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use db::{Access, Database};
use runtime::{addresses, with_causes};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::NAME;

/// A server nearby answers at once; a missing one may never answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// RabbitMQ answers a wrong password after three seconds.
const LOGIN_LIMIT: Duration = Duration::from_secs(6);

/// Logs in to PostgreSQL. The error says in one line why it cannot be used.
pub async fn postgres(database: &config::Database) -> Result<(), String> {
    let place = format!("PostgreSQL at {}:{}", database.host, database.port);
    listens(&place, &database.host, database.port).await?;
    let login = async { Database::new(database, NAME, Access::ReadOnly)?.ping().await };
    lets_in(&place, &database.user, login).await
}

/// Logs in to RabbitMQ. The error says in one line why it cannot be used.
pub async fn rabbitmq(broker: &config::Rabbitmq) -> Result<(), String> {
    let place = format!("RabbitMQ at {}:{}", broker.host, broker.port);
    listens(&place, &broker.host, broker.port).await?;
    lets_in(&place, &broker.user, bus::check(broker, "cargo xtask up")).await
}

async fn lets_in<E: std::error::Error>(
    place: &str,
    user: &str,
    login: impl Future<Output = Result<(), E>>,
) -> Result<(), String> {
    match timeout(LOGIN_LIMIT, login).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => Err(format!("{place} does not let '{user}' in ({})", with_causes(&why))),
        Err(_) => Err(format!("{place} did not answer within {} s", LOGIN_LIMIT.as_secs())),
    }
}

async fn listens(place: &str, host: &str, port: u16) -> Result<(), String> {
    let silent = || format!("{place} did not answer within {} s", CONNECT_LIMIT.as_secs());
    let unreachable = |why: Error| format!("{place} cannot be reached ({why})");
    let found = timeout(CONNECT_LIMIT, addresses::resolve(host, port)).await.map_err(|_| silent())?;
    let found = found.map_err(unreachable)?;
    match addresses::first_to_answer(found, CONNECT_LIMIT, TcpStream::connect).await {
        Ok(_) => Ok(()),
        Err(mut failures) => Err(match failures.pop() {
            Some(why) if why.kind() == ErrorKind::ConnectionRefused => format!("there is no {place}"),
            Some(why) => unreachable(why),
            None => silent(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_there_is_not_reachable() {
        let port = devcluster::free_port(0).unwrap();
        let database = config::Database { host: "127.0.0.1".to_owned(), port, ..Default::default() };
        assert_eq!(postgres(&database).await, Err(format!("there is no PostgreSQL at 127.0.0.1:{port}")));
        let broker = config::Rabbitmq { host: "127.0.0.1".to_owned(), port, ..Default::default() };
        assert_eq!(rabbitmq(&broker).await, Err(format!("there is no RabbitMQ at 127.0.0.1:{port}")));
    }

    #[tokio::test]
    async fn a_server_that_hangs_up_does_not_let_us_in() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let hang_up = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
        let database = config::Database { host: "127.0.0.1".to_owned(), port, ..Default::default() };
        let why = postgres(&database).await.unwrap_err();
        assert!(why.contains("does not let 'restaurant_user' in"), "{why}");
        hang_up.abort();
    }
}
