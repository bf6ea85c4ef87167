//! Checks PostgreSQL: reachable, recent enough, durable, and with the rights and the menu that the
//! services need.

use config::{Config, MenuMode};
use db::connect_error::UnsuitableServer;
use db::inspection::{Inspection, OLDEST_VERSION};
use db::schema::{self, SchemaState};
use db::{Access, Database, DbError};
use domain::{ServerUser, ServiceName};
use runtime::with_causes;
use secrecy::ExposeSecret;

use super::{Services, backups, menu, replica};
use crate::NAME;
use crate::view::sequences;
use crate::view::verdict::Verdict;

/// The largest harmless difference of clocks, in seconds. People compare log lines with orders.
const CLOCK_TOLERANCE: f64 = 1.0;

/// Runs all checks.
pub async fn check(config: &Config, services: &Services) -> Vec<Verdict> {
    match inspect(config, services).await {
        Ok(verdicts) => verdicts,
        Err(why) => vec![unusable(&why)],
    }
}

fn unusable(why: &DbError) -> Verdict {
    let to_do = why
        .advice()
        .unwrap_or("start PostgreSQL, or correct database.host and database.port (DB_HOST, DB_PORT)");
    Verdict::fail("postgresql", with_causes(why), to_do)
}

async fn inspect(config: &Config, services: &Services) -> Result<Vec<Verdict>, DbError> {
    let settings = &config.database;
    let db = Database::for_reading(settings, NAME).await?;
    let found = db::inspection::inspect(&db).await?;
    let state = schema::state(&db).await;
    let is_current = matches!(state, Ok(SchemaState::Current));
    let restore = awaited_restore(settings).await?;
    let safety = safety(&found, restore.is_some());
    let mut verdicts = vec![version(settings, &found)];
    verdicts.extend(restore);
    verdicts.extend([
        safety,
        connections(settings, services, &found),
        clock(&found),
        schema_version(state, services, &found, &settings.user),
        sequences::verdict(db::sequences::inspect(&db).await),
    ]);
    let missing = db::inspection::missing_tables(&db, &ServiceName::ALL).await?;
    if is_current && !missing.is_empty() {
        verdicts.push(incomplete(missing));
    } else if is_current {
        verdicts.extend(backups::check(&db).await);
        if config.menu.mode == MenuMode::On && services.contain(ServiceName::Order) {
            verdicts.extend(menu::check(&db).await);
        }
    }
    let schemas = schema::schemas_with_tables(&db).await?;
    if schemas.len() > 1 {
        verdicts.push(several_sets(schemas));
    }
    for service in services.with_database() {
        let check = format!("{}_rights", service.short_name());
        verdicts.push(rights(check, &settings.user, db::inspection::missing_rights(&db, service).await?));
    }
    if services.contain(ServiceName::Tracking) {
        verdicts.extend(staff_rights(config, &db).await);
        verdicts.extend(replica::check(config, &db).await);
    }
    Ok(verdicts)
}

/// Whether the staff lists may read what they show, under the role of their own if there is one.
/// Without a staff key nobody asks for them.
async fn staff_rights(config: &Config, db: &Database) -> Option<Verdict> {
    let (check, settings) = ("tracking_staff_rights", &config.database);
    if config.order.staff_key.expose_secret().is_empty() {
        return None;
    }
    let is_separate = !settings.staff_user.is_empty();
    let user = if is_separate { &settings.staff_user } else { &settings.user };
    let missing = async {
        let db = if is_separate { Database::for_staff(settings, NAME)? } else { db.clone() };
        db::inspection::missing_rights(&db, ServerUser::TrackingStaff).await
    };
    Some(match missing.await {
        Ok(missing) if is_separate || missing.is_empty() => rights(check.to_owned(), user, missing),
        Ok(missing) => Verdict::fail(
            check,
            format!("'{user}' may not read the names and addresses that the staff sees"),
            "set database.staff_user and its password (DB_STAFF_USER, DB_STAFF_PASSWORD): 'restaurant-ctl migrate --roles' makes a role \
             for it",
        )
        .with_examples(missing.len() as u64, missing),
        Err(why) => {
            let to_do = why
                .advice()
                .unwrap_or("correct database.staff_user and database.staff_password (DB_STAFF_USER, …)");
            Verdict::fail(check, with_causes(&why), to_do)
        }
    })
}

fn version(settings: &config::Database, found: &Inspection) -> Verdict {
    let place = format!(
        "PostgreSQL {} at {}, database {}",
        found.version,
        config::addresses(&settings.host, settings.port),
        settings.database
    );
    if found.major_version >= OLDEST_VERSION {
        Verdict::ok("postgresql", place)
    } else {
        Verdict::fail("postgresql", place, format!("use version {OLDEST_VERSION} or later"))
    }
}

/// Whether services that write refuse the server because it was restored from a backup, and nobody
/// has run `restore`. They look at that when they connect, even if the server takes writes. Other
/// checks tell why else it is refused.
async fn awaited_restore(settings: &config::Database) -> Result<Option<Verdict>, DbError> {
    Ok(match Database::new(settings, NAME, Access::ReadWrite)?.ping().await {
        Err(why @ DbError::UnsuitableServer { why: UnsuitableServer::NotRestored, .. }) => {
            Some(Verdict::fail("restore", with_causes(&why), why.advice().unwrap_or_default()))
        }
        _ => None,
    })
}

/// Whether committed orders survive a power cut. That an awaited restore keeps them out is told
/// already.
fn safety(found: &Inspection, awaits_restore: bool) -> Verdict {
    let check = "durability";
    if found.is_fenced && !awaits_restore {
        return Verdict::fail(
            check,
            "the server was restored from a backup, and takes no writes yet",
            "run 'restaurant-ctl restore' with the folder of the backup, as a superuser: it lets the server take writes",
        );
    }
    if found.is_read_only && !found.is_fenced {
        return Verdict::fail(
            check,
            "the server is a standby, or set to read-only",
            "name the primary server in database.host, or set default_transaction_read_only = off",
        );
    }
    let mut risks = Vec::new();
    if !found.fsync {
        risks.push("fsync is off".to_owned());
    }
    if !found.full_page_writes {
        risks.push("full_page_writes is off".to_owned());
    }
    if ["off", "local"].contains(&found.synchronous_commit.as_str()) {
        risks.push(format!(
            "synchronous_commit is {} though the services ask for on",
            found.synchronous_commit
        ));
    }
    if found.encoding != "UTF8" {
        risks.push(format!("the database's encoding is {}, which cannot hold every name", found.encoding));
    }
    if risks.is_empty() {
        return Verdict::ok(check, "what is committed survives a power cut");
    }
    let to_do = "set these in postgresql.conf, unless orders may be lost (tests); for another encoding, make a database with UTF8";
    Verdict::warn(check, risks.join("; "), to_do)
}

fn connections(settings: &config::Database, services: &Services, found: &Inspection) -> Verdict {
    let wanted = services.with_database().count() * settings.max_connections;
    let free = i64::from(found.max_connections) - found.used_connections;
    let found =
        format!("{free} of {} are free; one of each service takes up to {wanted}", found.max_connections);
    if i64::try_from(wanted).is_ok_and(|wanted| wanted <= free) {
        Verdict::ok("connections", found)
    } else {
        let to_do = "raise max_connections of the server, or lower database.max_connections of the services";
        Verdict::warn("connections", found, to_do)
    }
}

fn clock(found: &Inspection) -> Verdict {
    let seconds = found.clock_ahead;
    let error = found.clock_error.as_secs_f64();
    let words = format!(
        "the database's clock is {:.3} s {} this machine's (± {error:.3} s)",
        seconds.abs(),
        if seconds < 0.0 { "behind" } else { "ahead of" },
    );
    if seconds.abs() <= CLOCK_TOLERANCE + error {
        Verdict::ok("clock", words)
    } else {
        let to_do = "synchronise both (NTP). Orders live by the database's clock; log lines, by this machine's, will not fit";
        Verdict::warn("clock", words, to_do)
    }
}

/// Tables are missing: they were dropped, or only a part of a backup was restored.
fn incomplete(missing: Vec<String>) -> Verdict {
    let found = format!("tables of this version are missing: {}", missing.len());
    let to_do = "restore the database from a backup, or give the services an empty one";
    Verdict::fail("tables", found, to_do).with_examples(missing.len() as u64, missing)
}

/// Services that use different schemas do not see each other's orders.
fn several_sets(schemas: Vec<String>) -> Verdict {
    Verdict::fail(
        "schemas",
        "the tables are there more than once, in several schemas of this database",
        "find the one with the orders (select count(*) from SCHEMA.orders), have every user look into it (alter role USER in \
         database … set search_path = SCHEMA), and drop the tables of the others",
    )
    .with_examples(schemas.len() as u64, schemas)
}

fn schema_version(
    state: Result<SchemaState, DbError>,
    services: &Services,
    found: &Inspection,
    user: &str,
) -> Verdict {
    let check = "schema";
    let known = schema::known_version();
    match state {
        Ok(SchemaState::Current) => Verdict::ok(check, format!("version {known}, as this version needs it")),
        Ok(SchemaState::Ahead { found, known }) => Verdict::fail(
            check,
            format!("version {found}; this program knows versions up to {known}"),
            "run a newer version of it, or use another database",
        ),
        Ok(SchemaState::OutOfSight { schemas }) => Verdict::fail(
            check,
            format!("the tables are in the schema {}, where '{user}' does not look", schemas.join(", ")),
            "run 'restaurant-ctl migrate --roles' as the owner of the tables and use the roles it makes; or as the owner: grant usage \
             on schema … to the user, and: alter role … in database … set search_path = …",
        ),
        Ok(SchemaState::Behind) if found.may_create_tables && services.migrate() => {
            Verdict::ok(check, format!("the first service that starts brings it to version {known}"))
        }
        Ok(SchemaState::Behind) if found.may_create_tables => Verdict::warn(
            check,
            format!("not at version {known} yet; a service that only reads will wait"),
            "run 'restaurant-ctl migrate', or start the order service",
        ),
        Ok(SchemaState::Behind) => Verdict::fail(
            check,
            format!("not at version {known} yet, and this user may not create tables"),
            "run 'restaurant-ctl migrate' as a user who may, or: grant create on schema public to the user",
        ),
        Err(why) => {
            Verdict::fail(check, with_causes(&why), "grant select on refinery_schema_history to the user")
        }
    }
}

fn rights(check: String, user: &str, missing: Vec<String>) -> Verdict {
    if missing.is_empty() {
        return Verdict::ok(check, format!("'{user}' may do what it must"));
    }
    Verdict::fail(
        check,
        format!("rights that '{user}' lacks: {}", missing.len()),
        "grant them as the owner of the tables",
    )
    .with_examples(missing.len() as u64, missing)
}
