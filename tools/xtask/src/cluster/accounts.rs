//! The services' users on private servers. Each service has its own user with only the rights that
//! it needs. Every start generates new passwords, which only the services know.

use bus::permissions;
use db::roles::{self, RoleError};
use db::schema::{self, SchemaError};
use db::{Access, Database, DbError, rights};
use devcluster::{Credentials, RabbitmqAdmin};
use domain::ServiceName;

use crate::NAME;

/// The users of one server, by service.
pub type Accounts = Vec<(ServiceName, Credentials)>;

/// Why the users cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The tables cannot be created.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The roles cannot be created.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// PostgreSQL refuses the login.
    #[error(transparent)]
    Database(#[from] DbError),
    /// RabbitMQ refuses to create users.
    #[error(transparent)]
    Broker(#[from] devcluster::Error),
}

/// Creates the tables, and roles with rights on them.
///
/// # Errors
/// PostgreSQL refuses, or does not answer.
pub async fn in_postgres(endpoint: &config::Database) -> Result<Accounts, AccountError> {
    let db = Database::new(endpoint, NAME, Access::ReadWrite)?;
    schema::migrate(&db).await?;
    let accounts: Accounts = rights::services()
        .map(|service| (service, Credentials::random(roles::name(&endpoint.database, service))))
        .collect();
    let wanted: Vec<_> = accounts
        .iter()
        .map(|(service, user)| roles::Account {
            user: (*service).into(),
            password: Some(user.password.clone()),
        })
        .collect();
    roles::ensure(&db, &wanted).await?;
    Ok(accounts)
}

/// Creates users in a virtual host.
///
/// # Errors
/// RabbitMQ refuses, or does not answer.
pub async fn in_rabbitmq(admin: &RabbitmqAdmin, vhost: &str) -> Result<Accounts, AccountError> {
    let mut accounts = Accounts::new();
    for service in ServiceName::ALL {
        let Some(rights) = permissions::of(service) else { continue };
        let user = Credentials::random(service.binary());
        admin.ensure_user(&user, vhost, [&rights.configure, &rights.write, &rights.read]).await?;
        accounts.push((service, user));
    }
    Ok(accounts)
}
