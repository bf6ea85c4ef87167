//! `backup`: a copy of the whole PostgreSQL server while it runs, and the definitions of RabbitMQ.

mod copying;
mod program_group;
mod programs;

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use config::Config;
use db::backups::{self, BackupSource};
use db::{Access, Database, DbError};
use domain::timestamp::Timestamp;
use runtime::exit::failed;
use runtime::signals::StopSignals;
use runtime::{Console, Exit};
use serde_json::json;

use self::copying::Copying;
use self::programs::Programs;
use crate::NAME;
use crate::backup_folder::{BackupFolder, DEFINITIONS, Manifest, POSTGRESQL, Postgresql};

/// How many days' last numbers are kept.
const DAYS: i64 = 31;
/// The longest name of another program.
const MAX_NAME: usize = 100;

/// Takes a backup while the system runs: PostgreSQL's whole server (`pg_basebackup`), verified, and
/// the exchanges and queues of RabbitMQ. The user of the database must be allowed to replicate.
/// `restore` says how to use it.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "backup")]
pub struct Arguments {
    /// folder to write, which must be new or empty
    #[argh(positional)]
    folder: Option<PathBuf>,
    /// take none, but note that this program, such as pgbackrest, has taken a good one just now:
    /// for the metric and the doctor
    #[argh(option)]
    taken_by: Option<String>,
    /// longest time to copy and to verify, in seconds, 1 to 604800 (default 21600)
    #[argh(option, default = "21_600")]
    timeout: u64,
    /// one JSON document for scripts
    #[argh(switch)]
    json: bool,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(arguments: Arguments, signals: &StopSignals) -> Result<(), Exit> {
    if !(1..=604_800).contains(&arguments.timeout) {
        let text = format!("--timeout: {} is not between 1 and 604800 seconds", arguments.timeout);
        return Err(Exit::Usage(text));
    }
    let config = Config::load(arguments.config).map_err(|why| Exit::Config(why.to_string()))?;
    let db = Database::new(&config.database, NAME, Access::ReadWrite).map_err(|why| failed(&why))?;
    match (&arguments.folder, arguments.taken_by) {
        (Some(folder), None) => {
            let timeout = Duration::from_secs(arguments.timeout);
            let folder = folder.as_path();
            let manifest = take(&db, &config, folder, timeout, signals).await?;
            report(&manifest, folder, arguments.json);
            Ok(())
        }
        (None, Some(program)) => note(&db, program.trim()).await,
        _ => Err(Exit::Usage("backup: name a folder, or with --taken-by a program".to_owned())),
    }
}

/// Another program has taken a backup.
async fn note(db: &Database, program: &str) -> Result<(), Exit> {
    if program.is_empty() || program.chars().count() > MAX_NAME {
        return Err(Exit::Usage(format!("--taken-by: a name has 1 to {MAX_NAME} characters")));
    }
    backups::record(db, program).await.map_err(|why| unrecorded(&why))?;
    Console::new().print(&format!("✓ noted a backup by {program}"));
    Ok(())
}

async fn take(
    db: &Database,
    config: &Config,
    folder: &std::path::Path,
    timeout: Duration,
    signals: &StopSignals,
) -> Result<Manifest, Exit> {
    // A right that is needed at the end is missed now, not after hours of copying.
    let missing = backups::missing_rights(db).await.map_err(|why| failed(&why))?;
    if !missing.is_empty() {
        return Err(not_allowed(&config.database.user, &missing));
    }
    let source = backups::source(db).await.map_err(|why| failed(&why))?;
    let programs = Programs::find(source.major_version).await.map_err(|why| failed(&why))?;
    let folder = BackupFolder::create(folder).map_err(|why| failed(&why))?;
    let begun = backups::begin(db, NAME).await.map_err(|why| unrecorded(&why))?;
    let copying =
        Copying { programs: &programs, settings: &config.database, timeout, shutdown: signals.shutdown() };
    let data = folder.path_of(POSTGRESQL);
    copying.copy_to(&data).await.map_err(|why| failed(&why))?;
    copying.verify(&data).await.map_err(|why| failed(&why))?;
    let (vhost, queue_type) = (&config.rabbitmq.vhost, config.rabbitmq.queue_type);
    let definitions = bus::topology::definitions(vhost, queue_type, config.intake.enabled);
    folder.write(DEFINITIONS, format!("{definitions:#}\n").as_bytes()).map_err(|why| failed(&why))?;
    folder.fence(&begun.id).map_err(|why| failed(&why))?;
    let (at, last_numbers) = backups::numbers_given_out(db, DAYS).await.map_err(|why| failed(&why))?;
    let manifest = Manifest::new(
        begun.id.clone(),
        format!("{NAME} {}", env!("CARGO_PKG_VERSION")),
        Timestamp::from(begun.started_at),
        Timestamp::from(at),
        of_source(source, &config.database),
        last_numbers,
    );
    let manifest = folder.complete(manifest).map_err(|why| failed(&why))?;
    backups::finish(db, &begun.id, manifest.finished_at.0).await.map_err(|why| unrecorded(&why))?;
    Ok(manifest)
}

fn of_source(source: BackupSource, settings: &config::Database) -> Postgresql {
    Postgresql {
        version: source.version,
        system_identifier: source.system_identifier,
        database: settings.database.clone(),
        schema_version: source.schema_version,
    }
}

fn report(manifest: &Manifest, folder: &std::path::Path, json: bool) {
    let console = Console::new();
    if json {
        console.print(&json!({ "folder": folder, "manifest": manifest }).to_string());
        return;
    }
    let took = (manifest.finished_at.0 - manifest.started_at.0).as_seconds_f64();
    console.print(&format!("✓ '{}' is a verified backup, taken in {took:.1} s", folder.display()));
    if let Some(last) = manifest.last_numbers.first() {
        console.print(&format!("  the last order of it: {last}, or one shortly before"));
    }
    console.print(
        "  Keep it on another machine. It has the data of all guests and the key of their tokens: keep it as secret as the database.",
    );
}

fn not_allowed(user: &str, missing: &[String]) -> Exit {
    let missing = missing.join(", ");
    Exit::Failed(format!(
        "'{user}' may not take a backup, it lacks: {missing}. Use a role for backups (DB_USER), made by a \
         superuser: create role ROLE login replication password '…'; grant select, insert, update on backups to ROLE; grant select on order_counters, \
         refinery_schema_history to ROLE"
    ))
}

fn unrecorded(why: &DbError) -> Exit {
    let advice = if why.is_missing_right() {
        ". Grant the role for backups: select, insert, update on backups"
    } else {
        ""
    };
    Exit::Failed(format!("the table of backups was not written: {}{advice}", runtime::with_causes(why)))
}
