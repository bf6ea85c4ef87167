//! `restore`: what is left to do when PostgreSQL runs on the data of a backup.
//!
//! Putting the data in place is the operator's work, because only that person knows where the server
//! has it. From then on nothing depends on the person's care: the server takes no writes until this
//! command has held what was open.

mod acknowledged;

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use config::Config;
use db::held_orders::{self, HeldOrder};
use db::restoring::{self, Gap, Knowledge, Outcome, RestoredServer};
use db::{Access, Database};
use domain::OrderNumber;
use domain::timestamp::Timestamp;
use runtime::exit::failed;
use runtime::{Console, Exit, with_causes};
use serde_json::json;

use crate::NAME;
use crate::backup_folder::{BackupFolder, Manifest, POSTGRESQL};

/// Ends the restore of a backup, on the running server: orders that were open are held until
/// `release`, numbers go on behind those that were given out, and lost orders are named. Before it,
/// put FOLDER/postgresql in the place of PostgreSQL's data folder, owned by its user, and start
/// PostgreSQL. It may be repeated.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "restore")]
pub struct Arguments {
    /// the folder that `backup` wrote
    #[argh(positional)]
    folder: PathBuf,
    /// the last number that is known to have been given out, such as ORD_20261121_057; may be given
    /// several times, for several days
    #[argh(option)]
    numbers_after: Vec<String>,
    /// file with the numbers of orders that were acknowledged to guests, one a line: those that are
    /// not there are listed
    #[argh(option)]
    acknowledged: Option<PathBuf>,
    /// one JSON document for scripts
    #[argh(switch)]
    json: bool,
    /// configuration file (default ./config.yaml), with the owner of the tables as user; a superuser
    /// also lets the server take writes again
    #[argh(option)]
    config: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let numbers_after = numbers(&arguments.numbers_after)?;
    let acknowledged = match &arguments.acknowledged {
        Some(path) => acknowledged::read(path).map_err(|why| failed(&why))?,
        None => Vec::new(),
    };
    let config = Config::load(arguments.config).map_err(|why| Exit::Config(format!("{NAME}: {why}")))?;
    let folder = BackupFolder::existing(&arguments.folder);
    let manifest = folder.read().map_err(|why| failed(&why))?;
    // Its sessions ask for writes themselves, where they need them.
    let db = Database::new(&config.database, NAME, Access::ReadOnly).map_err(|why| failed(&why))?;
    let server = restoring::inspect(&db).await.map_err(|why| failed(&why))?;
    check(&server, &manifest, &folder)?;
    let given_out: Vec<OrderNumber> =
        manifest.last_numbers.iter().copied().chain(numbers_after.clone()).collect();
    let known = Knowledge {
        backup: &manifest.id,
        backed_up_at: manifest.finished_at.0,
        given_out: &given_out,
        acknowledged: &acknowledged,
    };
    let outcome = restoring::restore(&db, &known).await.map_err(|why| {
        let advice = if why.is_missing_right() { ". Log in as the owner of the tables" } else { "" };
        Exit::Failed(format!("{NAME}: nothing was changed: {}{advice}", with_causes(&why)))
    })?;
    let held = held_orders::list(&db).await.map_err(|why| failed(&why))?;
    let is_known = !numbers_after.is_empty() || !acknowledged.is_empty();
    let report = Report {
        manifest: &manifest,
        outcome: &outcome,
        held: &held,
        acknowledged: acknowledged.len(),
        is_known,
    };
    if arguments.json {
        report.print_json()
    } else {
        report.print()
    }
    if server.is_fenced { lift(&db).await } else { Ok(()) }
}

fn numbers(texts: &[String]) -> Result<Vec<OrderNumber>, Exit> {
    let parse = |text: &String| {
        text.parse::<OrderNumber>()
            .map_err(|why| Exit::Usage(format!("--numbers-after: '{}' {why}", text.escape_debug())))
    };
    texts.iter().map(parse).collect()
}

/// Whether this is the restored server, and no other.
fn check(server: &RestoredServer, manifest: &Manifest, folder: &BackupFolder) -> Result<(), Exit> {
    let data = folder.path_of(POSTGRESQL);
    let how = format!(
        "Stop PostgreSQL, put '{}' in the place of its data folder, owned by its user, start it, and run this again",
        data.display()
    );
    let refuse = |why: String| Err(Exit::Failed(format!("{NAME}: nothing was changed: {why}")));
    if server.is_recovering {
        return refuse(
            "PostgreSQL still replays its log, or is a standby. Wait until it takes part in nothing any more \
             (pg_wal_replay_resume(), if a recovery target paused it), and run this again"
                .to_owned(),
        );
    }
    if server.restored_from.as_deref() == Some(manifest.id.as_str()) {
        if !server.has_tables {
            return refuse(format!(
                "the tables are not where this user looks. Name the database '{}' (DB_NAME), and the owner of its tables \
                 (DB_USER)",
                manifest.postgresql.database
            ));
        }
        return Ok(());
    }
    if !server.has_orders {
        return refuse(format!("the database is empty, and a backup is a whole server. {how}"));
    }
    let lived_on = server.system_identifier == manifest.postgresql.system_identifier;
    let whose = if lived_on {
        "the server is the one that the backup was taken of, and lived on: its orders are newer than the backup"
    } else {
        "the database has orders of its own, and is not the one of the backup"
    };
    refuse(format!(
        "{whose}. A backup replaces a whole server, and this one is not empty. If it is to be replaced: {how}"
    ))
}

async fn lift(db: &Database) -> Result<(), Exit> {
    restoring::lift_fence(db).await.map_err(|why| {
        let statement = "alter system reset default_transaction_read_only; select pg_reload_conf()";
        Exit::Failed(format!(
            "{NAME}: the orders are held, but the server takes no writes yet: {}. As a superuser: {statement}",
            with_causes(&why)
        ))
    })
}

struct Report<'a> {
    manifest: &'a Manifest,
    outcome: &'a Outcome,
    held: &'a [HeldOrder],
    acknowledged: usize,
    /// Whether anybody said which numbers were given out.
    is_known: bool,
}

impl Report<'_> {
    fn print(&self) {
        let console = Console::new();
        let Outcome { held, gaps, lost } = self.outcome;
        console.print(&match held {
            Some(_) => format!("✓ restored from the backup of {}", self.manifest.finished_at),
            None => format!(
                "✓ restored before from the backup of {}; nothing more is held",
                self.manifest.finished_at
            ),
        });
        console.print(&format!(
            "  held orders, neither sent nor cooked until 'restaurant-ctl release': {}",
            self.held.len()
        ));
        for order in self.held {
            console.print(&format!("    {}", line_of(order)));
        }
        for Gap { first, last } in gaps {
            console.print(&format!("  numbers that are not given out again: {first} to {last}"));
        }
        if self.acknowledged > 0 || !lost.is_empty() {
            console.print(&format!(
                "  acknowledged orders that are lost: {} (of {} in the file)",
                lost.len(),
                self.acknowledged
            ));
        }
        for number in lost {
            console.print(&format!("    {number}"));
        }
        if !self.is_known {
            console.print(
                "! Numbers that were given out after the backup come again. Unless its log was archived, run this again \
                 with --numbers-after or --acknowledged before order services start",
            );
        }
    }

    fn print_json(&self) {
        let gaps: Vec<_> =
            self.outcome.gaps.iter().map(|gap| json!({ "first": gap.first, "last": gap.last })).collect();
        let document = json!({
            "backup": self.manifest.id,
            "backed_up_at": self.manifest.finished_at,
            "repeated": self.outcome.held.is_none(),
            "held": self.held.iter().map(json_of).collect::<Vec<_>>(),
            "gaps": gaps,
            "lost": self.outcome.lost,
        });
        Console::new().print(&document.to_string());
    }
}

/// A held order, for people.
pub(super) fn line_of(order: &HeldOrder) -> String {
    let HeldOrder { number, order_type, status, placed_at, processed_by } = order;
    let by = processed_by.as_deref().map(|name| format!(" by {name}")).unwrap_or_default();
    format!("{number:<18}  {order_type:<9}  {status}{by}, placed {}", Timestamp::from(*placed_at))
}

/// A held order, for scripts.
pub(super) fn json_of(order: &HeldOrder) -> serde_json::Value {
    json!({
        "order_number": order.number,
        "order_type": order.order_type,
        "status": order.status,
        "placed_at": Timestamp::from(order.placed_at),
        "processed_by": order.processed_by,
    })
}
