//! A PostgreSQL role for each service, for the exporter and for `prune`, with exactly the rights
//! that their statements need.

use deadpool_postgres::Transaction;
use domain::ServerUser;
use postgres_protocol::password::scram_sha_256;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::error::SqlState;

use crate::database::{Database, DbError};
use crate::rights;
use crate::schema::MIGRATION_LOCK;

/// PostgreSQL truncates longer names.
const LONGEST_NAME: usize = 63;

/// A role and its new password.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whose it is.
    pub user: ServerUser,
    /// None: as it is. A role that has no password yet cannot log in.
    pub password: Option<SecretString>,
}

/// What becomes of the rights that an existing role has beyond those that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surplus {
    /// They go.
    Revoked,
    /// They stay: services of the version before may need them until an update is complete.
    Kept,
}

/// Why a role was not created.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// Its name would be truncated.
    #[error(
        "'{name}' is longer than the {LONGEST_NAME} bytes that a role's name may have: use a database with a shorter name"
    )]
    TooLong {
        /// The full name.
        name: String,
    },
    /// It has more power than it may, whatever is granted here.
    #[error("role '{name}' {power}: take that from it, or drop the role, and try again")]
    TooPowerful {
        /// The role.
        name: String,
        /// What it can do, as the end of a sentence.
        power: String,
    },
    /// The user may not create roles.
    #[error(
        "this user may not make roles: it lacks CREATEROLE. Do it as a superuser, or as the owner of the database and its schema with \
         CREATEROLE"
    )]
    NoCreaterole,
    /// The user may not change a role, or may not grant rights.
    #[error(
        "this user may not make roles: do it as a superuser, or as the owner of the database and its schema with CREATEROLE"
    )]
    NotAllowed(#[source] DbError),
    /// The database failed.
    #[error(transparent)]
    Database(DbError),
}

impl From<DbError> for RoleError {
    fn from(why: DbError) -> Self {
        let code = if let DbError::Failed(failure) = &why { failure.code() } else { None };
        if code == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
            Self::NotAllowed(why)
        } else {
            Self::Database(why)
        }
    }
}

/// The name of a user's role in a database of this name.
pub fn name(database: &str, user: impl Into<ServerUser>) -> String {
    format!("{database}_{}", user.into().short_name())
}

/// Whether this role exists.
///
/// # Errors
/// The database failed.
pub async fn exists(db: &Database, name: &str) -> Result<bool, DbError> {
    let row = db.query_opt("select from pg_roles where rolname = $1", &[&name]).await?;
    Ok(row.is_some())
}

/// Checks that the user may create roles, before a password is generated for one.
///
/// # Errors
/// It may not, or the database failed.
pub async fn may_be_made(db: &Database) -> Result<(), RoleError> {
    let sql = "select rolsuper or rolcreaterole from pg_roles where rolname = current_user";
    let row = db.query_opt(sql, &[]).await?;
    let may = row.map(|row| row.try_get(0)).transpose().map_err(DbError::from)?.unwrap_or(false);
    if may { Ok(()) } else { Err(RoleError::NoCreaterole) }
}

/// Creates roles, or gives existing ones their rights, in one transaction. So a running service
/// never lacks a right. The tables must exist, in any schema of PostgreSQL. It also revokes
/// everybody's default right to create tables. Passwords leave this program only as SCRAM verifiers
/// (RFC 7677), because the server's log may show every statement.
///
/// # Errors
/// The user may not create roles, or a role has more power than its service may have. Then nothing
/// has changed.
pub async fn ensure(db: &Database, accounts: &[Account], surplus: Surplus) -> Result<(), RoleError> {
    may_be_made(db).await?;
    let mut connection = db.client().await?;
    let transaction = connection.transaction().await.map_err(DbError::from)?;
    execute(&transaction, &format!("select pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    run_all(&transaction, CLOSE_TO_THE_PUBLIC, &[]).await?;
    for account in accounts {
        let row =
            transaction.query_one("select current_database()::text", &[]).await.map_err(DbError::from)?;
        let name = name(&row.try_get::<_, String>(0).map_err(DbError::from)?, account.user);
        if name.len() > LONGEST_NAME {
            return Err(RoleError::TooLong { name });
        }
        make(&transaction, &name, account.password.as_ref()).await?;
        let (tables, rights): (Vec<&str>, Vec<&str>) =
            rights::of(account.user).unwrap_or_default().iter().copied().unzip();
        run_all(&transaction, GRANT, &[&name, &tables, &rights, &(surplus == Surplus::Kept)]).await?;
        let row = transaction.query_one(POWER, &[&name]).await.map_err(DbError::from)?;
        if let Some(power) = row.try_get(0).map_err(DbError::from)? {
            return Err(RoleError::TooPowerful { name, power });
        }
    }
    transaction.commit().await.map_err(DbError::from)?;
    connection.release();
    Ok(())
}

/// Statements after which only owners create tables. (Before version 15, everybody may.)
const CLOSE_TO_THE_PUBLIC: &str = "
    select format('revoke create on schema %I from public', nspname) from pg_namespace
    where oid = (select relnamespace from pg_class where oid = to_regclass('orders'))
          and has_schema_privilege('public', oid, 'create')
    union all
    select format('revoke temporary on database %I from public', datname) from pg_database
    where datname = current_database() and has_database_privilege('public', oid, 'temporary')";

/// Statements that give role $1 the rights $3 on the tables $2, and take all others unless $4.
const GRANT: &str = "
    with place (schema, database, role) as (
        select nspname, current_database(), $1::text from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where pg_class.oid = to_regclass('orders')),
    needed as (select to_regclass(quote_ident(name)) as relation, privileges
               from unnest($2::text[], $3::text[]) as input (name, privileges)),
    sequences as (
        select pg_get_serial_sequence((select relation::text from pg_attribute
            where attrelid = relation and attname = 'id' and attidentity = ''), 'id') as sequence
        from needed where privileges ~ 'insert')
    select statement from (
        select 1, format('revoke all on all tables in schema %I from %I', schema, role) from place
        union all select 1, format('revoke all on all sequences in schema %I from %I', schema, role) from place
        union all select 1, format('revoke all on schema %I from %I', schema, role) from place
        union all select 1, format('revoke all on database %I from %I', database, role) from place
        union all select 2, format('grant connect on database %I to %I', database, role) from place
        union all select 2, format('grant usage on schema %I to %I', schema, role) from place
        union all select 2, format('alter role %I in database %I set search_path = %I', role, database, schema) from place
        union all select 2, format('grant %s on %s to %I', privileges, relation, role) from place, needed
        union all select 2, format('grant usage on sequence %s to %I', sequence, role) from place, sequences
        where sequence is not null
    ) as statements (place, statement)
    where place > 1 or not $4::boolean
    order by place";

/// What role $1 can do beyond its rights; null if nothing.
const POWER: &str = "
    select case
        when rolsuper then 'is a superuser'
        when rolcreaterole or rolcreatedb then 'may create roles or databases'
        when rolbypassrls or rolreplication then 'may pass by row security, or replicate'
        when exists (select from pg_auth_members where member = roles.oid) then 'is a member of other roles'
        when exists (select from pg_class where relowner = roles.oid) then 'owns tables'
        when has_schema_privilege(roles.oid, (select relnamespace from pg_class where oid = to_regclass('orders')), 'create')
            then 'may create tables'
        when has_database_privilege(roles.oid, current_database(), 'create, temporary')
            then 'may create schemas or temporary tables'
    end
    from pg_roles as roles where rolname = $1";

async fn make(
    transaction: &Transaction<'_>,
    name: &str,
    password: Option<&SecretString>,
) -> Result<(), DbError> {
    let statement = "
        select format(case when exists (select from pg_roles where rolname = $1) then 'alter role %I login'
                           else 'create role %I login' end, $1::text)
            || case when $2::text is null then '' else format(' password %L', $2::text) end";
    let verifier = password.map(|password| scram_sha_256(password.expose_secret().as_bytes()));
    run_all(transaction, statement, &[&name, &verifier]).await
}

/// Runs the statements that a query generates. The server quotes names and verifiers.
async fn run_all(
    transaction: &Transaction<'_>,
    query: &str,
    parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<(), DbError> {
    for row in transaction.query(query, parameters).await? {
        execute(transaction, row.try_get(0)?).await?;
    }
    Ok(())
}

async fn execute(transaction: &Transaction<'_>, sql: &str) -> Result<(), DbError> {
    Ok(transaction.batch_execute(sql).await?)
}
