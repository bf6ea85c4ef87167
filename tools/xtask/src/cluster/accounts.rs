//! Who the services are on private servers: each has a user of its own, with the rights it needs
//! and no others. The passwords are new with every start, and only the services know them.

use bus::permissions;
use db::roles::{self, RoleError};
use db::schema::{self, SchemaError};
use db::{Access, Database, DbError, rights};
use devcluster::{Credentials, RabbitmqAdmin};
use domain::ServiceName;

use crate::NAME;

/// Users of one server, by service.
pub type Accounts = Vec<(ServiceName, Credentials)>;

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There can be no tables.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// There can be no roles.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// PostgreSQL does not let us in.
    #[error(transparent)]
    Database(#[from] DbError),
    /// RabbitMQ makes no users.
    #[error(transparent)]
    Broker(#[from] devcluster::Error),
}

/// Creates the tables, and roles that may use them.
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
        .map(|(service, user)| roles::Account { service: *service, password: Some(user.password.clone()) })
        .collect();
    roles::ensure(&db, &wanted).await?;
    Ok(accounts)
}

/// Makes users in a virtual host.
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
