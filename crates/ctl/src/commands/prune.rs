//! `prune`: removes what is old, or blanks its names and addresses.

mod figures;
mod walk;

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use db::retention::{self, Action, Horizon};
use db::{Access, Database, DbError};
use domain::timestamp::Timestamp;
use runtime::signals::StopSignals;
use runtime::{Console, Exit, Shutdown, time_span, with_causes};

use self::figures::Figures;
use super::editing::open_as;

/// A service's role may count what is old, and remove none of it.
const WHO_MAY: &str = "run it as the owner of the tables, who runs 'restaurant-ctl migrate', or as the role <database>_pruner, which \
                       'migrate --roles' makes with PRUNER_DB_PASSWORD";

/// Removes orders that are completed or cancelled and old, with all that hangs on them, and workers
/// that were never seen again. Runs beside the load, at most 1,000 orders a transaction. The audit
/// still counts what is gone. Run it as the owner of the tables, or as the role that
/// `migrate --roles` makes for it; again after an interruption.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "prune")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Arguments {
    /// what changed last before this time back, such as 90d; at least 1d
    #[argh(option, from_str_fn(parse_age))]
    older_than: Duration,
    /// remove nothing: blank names and addresses, and texts that may contain some
    #[argh(switch)]
    anonymise: bool,
    /// say how many there are, and change nothing
    #[argh(switch)]
    dry_run: bool,
    /// do not ask
    #[argh(switch)]
    yes: bool,
    /// one JSON document for scripts
    #[argh(switch)]
    json: bool,
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
}

/// Parses the value of `--older-than`.
fn parse_age(text: &str) -> Result<Duration, String> {
    let seconds = time_span::seconds(text).and_then(|seconds| u32::try_from(seconds).ok());
    let age = seconds.map(|seconds| Duration::from_secs(seconds.into()));
    let age = age.ok_or_else(|| format!("'{text}' is not a span of time of at least 1d (such as 90d)"))?;
    if age < retention::YOUNGEST {
        return Err(format!(
            "'{text}' is less than a day, for which guests may repeat an order: say at least 1d"
        ));
    }
    Ok(age)
}

/// Runs the command.
pub async fn run(arguments: Arguments, signals: &StopSignals) -> Result<(), Exit> {
    if !arguments.dry_run && !arguments.yes && !io::stdin().is_terminal() {
        let text = "what is pruned is gone for good; without a terminal to ask on, say --yes, or --dry-run";
        return Err(Exit::Usage(format!("prune: {text}")));
    }
    let access = if arguments.dry_run { Access::ReadOnly } else { Access::ReadWrite };
    let db = open_as(WHO_MAY, arguments.config, access).await?;
    let horizon = retention::horizon(&db, arguments.older_than).await.map_err(|why| failed(&why))?;
    if arguments.dry_run || !arguments.yes {
        let counting = if arguments.anonymise { Action::CountNamed } else { Action::Count };
        // Nothing has changed yet, so until the work begins a signal may end the command at once.
        let figures = whole(&db, &horizon, counting, &Shutdown::new()).await?;
        if arguments.dry_run {
            show(&figures, &horizon, counting, arguments.json);
            return Ok(());
        }
        if !confirmed(&figures, counting) {
            Console::new().note("nothing was changed");
            return Ok(());
        }
    }
    let action = if arguments.anonymise { Action::Anonymise } else { Action::Remove };
    let figures = whole(&db, &horizon, action, &signals.shutdown()).await?;
    show(&figures, &horizon, action, arguments.json);
    Ok(())
}

/// Walks through everything that is old. If it does not get to the end, the error says how far it
/// came.
async fn whole(
    db: &Database,
    horizon: &Horizon,
    action: Action,
    shutdown: &Shutdown,
) -> Result<Figures, Exit> {
    let mut figures = Figures::default();
    let walked = walk::through(db, horizon, action, shutdown, &mut figures).await;
    let so_far = || format!("{} so far; the same command goes on", figures.sentence(action));
    match walked {
        Ok(walk::End::Reached) => Ok(figures),
        Ok(walk::End::Interrupted) => Err(Exit::Failed(format!("prune: interrupted: {}", so_far()))),
        Err(why) => match failed(&why) {
            Exit::Failed(text) => Err(Exit::Failed(format!("{text} ({})", so_far()))),
            other => Err(other),
        },
    }
}

fn show(figures: &Figures, horizon: &Horizon, action: Action, json: bool) {
    let console = Console::new();
    let moment = Timestamp::from(horizon.moment);
    if json {
        console.print(&figures.json(action, moment).to_string());
        return;
    }
    console.print(&format!("What changed last before {moment}:\n"));
    for line in figures.lines(action) {
        console.print(&line);
    }
    match action {
        Action::Count | Action::CountNamed => console.note("nothing was changed, because of --dry-run"),
        Action::Remove | Action::Anonymise => console.done(&format!("{}.", figures.sentence(action))),
    }
}

fn confirmed(figures: &Figures, counted: Action) -> bool {
    let what = match counted {
        Action::CountNamed | Action::Anonymise => "Blank the names and addresses of",
        Action::Count | Action::Remove => "Remove",
    };
    // Standard output is reserved for the result, which may be JSON.
    eprint!("{what} {} for good? [y/N] ", figures.subject(counted));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

fn failed(why: &DbError) -> Exit {
    let advice = if why.is_missing_right() {
        WHO_MAY
    } else {
        why.advice().unwrap_or("'restaurant-ctl doctor' looks for the reason")
    };
    Exit::Failed(format!("prune: {}; {advice}", with_causes(why)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_at_least_a_day() {
        assert_eq!(parse_age("90d"), Ok(Duration::from_hours(90 * 24)));
        assert_eq!(parse_age("24h"), Ok(Duration::from_hours(24)));
        for text in ["23h", "1s", "90", "", "-90d", "99999999d"] {
            assert!(parse_age(text).is_err(), "{text}");
        }
        for text in ["0d", "23h", "soon"] {
            let why = parse_age(text).err().unwrap_or_default();
            assert!(why.contains("at least 1d"), "{why}");
        }
    }
}
