//! The users of private servers. Each service, and the exporter, has its own user with only the
//! rights that it needs. Every start generates new passwords, which only the services know. Nobody
//! prunes here but the owner.

use bus::permissions;
use db::roles::{self, RoleError, Surplus};
use db::schema::{self, SchemaError};
use db::{Access, Database, DbError, rights};
use devcluster::{Credentials, RabbitmqAdmin};
use domain::ServerUser;

use crate::NAME;

/// The users of one server, and whose they are.
pub type Accounts = Vec<(ServerUser, Credentials)>;

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
    let accounts: Accounts = rights::users()
        .filter(|user| !user.is_on_demand())
        .map(|user| (user, Credentials::random(roles::name(&endpoint.database, user))))
        .collect();
    let wanted: Vec<_> = accounts
        .iter()
        .map(|(user, own)| roles::Account { user: *user, password: Some(own.password.clone()) })
        .collect();
    roles::ensure(&db, &wanted, Surplus::Revoked).await?;
    Ok(accounts)
}

/// Creates users in a virtual host.
///
/// # Errors
/// RabbitMQ refuses, or does not answer.
pub async fn in_rabbitmq(admin: &RabbitmqAdmin, vhost: &str) -> Result<Accounts, AccountError> {
    let mut accounts = Accounts::new();
    for user in ServerUser::ALL {
        let Some(rights) = permissions::of(user) else { continue };
        let name = match user {
            ServerUser::Service(service) => service.binary().to_owned(),
            ServerUser::TrackingStaff | ServerUser::Exporter | ServerUser::Pruner => {
                format!("restaurant-{}", user.short_name())
            }
        };
        let own = Credentials::random(name);
        admin.ensure_user(&own, vhost, [&rights.configure, &rights.write, &rights.read]).await?;
        accounts.push((user, own));
    }
    Ok(accounts)
}
