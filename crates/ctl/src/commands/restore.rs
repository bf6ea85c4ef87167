//! `restore`: what is left to do when PostgreSQL runs on the data of a backup.
//!
//! Putting the data in place is the operator's work, because only that person knows where the
//! server has it. From then on nothing depends on the person's care: the server takes no writes
//! until this command has held what was open.

mod acknowledged;
mod checks;

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use config::Config;
use db::Database;
use db::held_orders::{self, HeldOrder};
use db::restoring::{self, Gap, Knowledge, KnownBackup, Outcome, RestoreError};
use domain::OrderNumber;
use domain::timestamp::Timestamp;
use runtime::exit::failed;
use runtime::{Console, Exit, with_causes};
use serde_json::json;

use crate::NAME;
use crate::backup_folder::{BackupFolder, Manifest};

/// Ends the restore of a backup, on the running server: orders that were open are held until
/// `release`, numbers go on behind those that were given out, and lost orders are named. Before it,
/// put FOLDER/postgresql in the place of PostgreSQL's data folder, owned by its user, and start
/// PostgreSQL. It may be repeated.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "restore")]
pub struct Arguments {
    /// the folder that `backup` wrote
    #[argh(positional)]
    folder: Option<PathBuf>,
    /// there is no folder: this program, such as pgbackrest, has restored PostgreSQL; order service
    /// and workers must be stopped
    #[argh(option)]
    taken_by: Option<String>,
    /// the last number that is known to have been given out, such as `ORD_20261121_057`; may be
    /// given several times, for several days
    #[argh(option)]
    numbers_after: Vec<String>,
    /// file with the numbers of orders that were acknowledged to guests, one a line: those that are
    /// not there are listed
    #[argh(option)]
    acknowledged: Option<PathBuf>,
    /// one JSON document for scripts
    #[argh(switch)]
    json: bool,
    /// configuration file (default ./config.yaml), with the owner of the tables as user; a
    /// superuser also lets the server take writes again
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
    let config = Config::load(arguments.config).map_err(|why| Exit::Config(why.to_string()))?;
    let (manifest, taken_by) = match (&arguments.folder, &arguments.taken_by) {
        (Some(path), None) => (Some(BackupFolder::existing(path).read().map_err(|why| failed(&why))?), NAME),
        (None, Some(program)) => (None, program.as_str()),
        _ => {
            return Err(Exit::Usage("restore: name a folder, or with --taken-by a program".to_owned()));
        }
    };
    // Its sessions ask for writes themselves, where they need them. Of several servers it is the
    // primary: a standby takes none.
    let db = Database::for_reading(&config.database, NAME).await.map_err(|why| failed(&why))?;
    let server = restoring::inspect(&db).await.map_err(|why| failed(&why))?;
    match (&manifest, &arguments.folder) {
        (Some(manifest), Some(folder)) => checks::is_of_the_backup(&server, manifest, folder)?,
        _ => checks::may_be_of_another_program(&server)?,
    }
    let in_manifest = manifest.iter().flat_map(|manifest| &manifest.last_numbers);
    let given_out: Vec<OrderNumber> = in_manifest.chain(&numbers_after).copied().collect();
    let backup = manifest.as_ref().map(|of| KnownBackup { id: &of.id, finished_at: of.finished_at.0 });
    let known = Knowledge { backup, taken_by, given_out: &given_out, acknowledged: &acknowledged };
    let outcome = restoring::restore(&db, &known).await.map_err(|why| explained(&why))?;
    let held = held_orders::list(&db).await.map_err(|why| failed(&why))?;
    let report = Report {
        manifest: manifest.as_ref(),
        outcome: &outcome,
        held: &held,
        acknowledged: &acknowledged,
        is_known: !numbers_after.is_empty()
            || !acknowledged.is_empty()
            || were_known(&outcome, manifest.as_ref()),
    };
    if arguments.json {
        report.print_json();
    } else {
        report.print();
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

/// Whether an earlier restore of this backup was told which numbers were given out: it skipped some
/// that the backup itself does not know.
fn were_known(outcome: &Outcome, manifest: Option<&Manifest>) -> bool {
    let is_of_backup = |number: OrderNumber| {
        let mut last_numbers = manifest.into_iter().flat_map(|manifest| &manifest.last_numbers);
        last_numbers.any(|last| last.day() == number.day() && number <= *last)
    };
    outcome.all_gaps.iter().any(|gap| !is_of_backup(gap.last))
}

fn explained(why: &RestoreError) -> Exit {
    let advice = match why {
        RestoreError::AtWork(_) => {
            ": it would send and cook what has to be held. Stop it, and run this again"
        }
        RestoreError::Database(why) if why.is_missing_right() => {
            ". Log in as the owner of the tables (DB_USER)"
        }
        RestoreError::Database(_) => "",
    };
    Exit::Failed(format!("nothing was changed: {}{advice}", with_causes(why)))
}

async fn lift(db: &Database) -> Result<(), Exit> {
    restoring::lift_fence(db).await.map_err(|why| {
        let statement = "alter system reset default_transaction_read_only; select pg_reload_conf()";
        Exit::Failed(format!(
            "the orders are held, but the server takes no writes yet: {}. As a superuser: {statement}",
            with_causes(&why)
        ))
    })
}

struct Report<'a> {
    manifest: Option<&'a Manifest>,
    outcome: &'a Outcome,
    held: &'a [HeldOrder],
    /// The numbers in the file. Empty without one.
    acknowledged: &'a [OrderNumber],
    /// Whether anybody said which numbers were given out.
    is_known: bool,
}

impl Report<'_> {
    fn print(&self) {
        let console = Console::new();
        let Outcome { held, gaps, lost, .. } = self.outcome;
        let of =
            self.manifest.map(|of| format!(" from the backup of {}", of.finished_at)).unwrap_or_default();
        console.print(&match held {
            Some(_) => format!("✓ restored{of}"),
            None => format!("✓ restored before{of}; nothing more is held"),
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
        if !self.acknowledged.is_empty() || !lost.is_empty() {
            console.print(&lost_line(lost, self.acknowledged));
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
            "backup": self.manifest.map(|of| &of.id),
            "backed_up_at": self.manifest.map(|of| of.finished_at),
            "repeated": self.outcome.held.is_none(),
            "held": self.held.iter().map(json_of).collect::<Vec<_>>(),
            "gaps": gaps,
            "lost": self.outcome.lost,
        });
        Console::new().print(&document.to_string());
    }
}

/// How many are lost. Those that an earlier restore recorded need not be in this file, if there is
/// one. It is sorted.
fn lost_line(lost: &[OrderNumber], file: &[OrderNumber]) -> String {
    let line = format!("  acknowledged orders that are lost: {}", lost.len());
    let known_before = lost.iter().filter(|number| file.binary_search(number).is_err()).count();
    match (file.len(), known_before) {
        (0, _) => line,
        (numbers, 0) => format!("{line} (of {numbers} in the file)"),
        (numbers, _) => {
            let of_file = lost.len() - known_before;
            format!("{line} ({of_file} of {numbers} in the file; an earlier restore recorded the others)")
        }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn number(sequence: u32) -> OrderNumber {
        format!("ORD_20261121_{sequence:03}").parse().unwrap()
    }

    fn numbers<const N: usize>(sequences: [u32; N]) -> Vec<OrderNumber> {
        sequences.into_iter().map(number).collect()
    }

    #[test]
    fn lost_orders_are_counted_with_the_file_that_names_them() {
        for (lost, file, said) in [
            (numbers([59, 104]), numbers([57, 59, 104]), "lost: 2 (of 3 in the file)"),
            (numbers([]), numbers([57]), "lost: 0 (of 1 in the file)"),
            (numbers([59, 104]), numbers([]), "lost: 2"),
            (
                numbers([59, 104]),
                numbers([57, 59]),
                "lost: 2 (1 of 2 in the file; an earlier restore recorded the others)",
            ),
        ] {
            let line = lost_line(&lost, &file);
            assert!(line.ends_with(said), "{line}");
        }
    }

    #[test]
    fn numbers_that_only_the_backup_knows_are_nobodys_word() {
        let manifest = Manifest::example(vec![number(57)]);
        let known = |gaps: &[(u32, u32)]| {
            let gap = |(first, last): &(u32, u32)| Gap { first: number(*first), last: number(*last) };
            let all_gaps = gaps.iter().map(gap).collect();
            let outcome = Outcome { held: None, gaps: Vec::new(), all_gaps, lost: Vec::new() };
            were_known(&outcome, Some(&manifest))
        };
        assert!(!known(&[]));
        assert!(!known(&[(56, 57)]), "orders that were placed while the backup was verified");
        assert!(known(&[(56, 104)]));
        assert!(known(&[(56, 57), (58, 104)]));
    }
}
