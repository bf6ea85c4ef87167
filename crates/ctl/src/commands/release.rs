//! `release`: a person's word on orders that a restore holds.

use std::collections::HashSet;
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use config::Config;
use db::held_orders::{self, Release};
use db::{Access, Database, DbError};
use domain::OrderNumber;
use runtime::exit::failed;
use runtime::{Console, Exit, with_causes};
use serde_json::json;

use super::restore::{json_of, line_of};
use crate::NAME;

/// Releases orders that `restore` holds: an order service sends them to the kitchen, where they are
/// cooked. Ask the kitchen first whether they were. One that is not wanted any more can be
/// cancelled as any other. Without numbers it shows what is held.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "release")]
pub struct Arguments {
    /// numbers of held orders
    #[argh(positional)]
    numbers: Vec<String>,
    /// all held orders
    #[argh(switch)]
    all: bool,
    /// one JSON document for scripts
    #[argh(switch)]
    json: bool,
    /// configuration file (default ./config.yaml), with the owner of the tables as user
    #[argh(option)]
    config: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let parse = |text: &String| {
        let number = text.parse::<OrderNumber>();
        number.map_err(|why| Exit::Usage(format!("release: '{}' {why}", text.escape_debug())))
    };
    let numbers = arguments.numbers.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    if arguments.all && !numbers.is_empty() {
        return Err(Exit::Usage("release: name orders, or say --all, not both".to_owned()));
    }
    let config = Config::load(arguments.config).map_err(|why| Exit::Config(why.to_string()))?;
    let db = Database::new(&config.database, NAME, Access::ReadWrite).map_err(|why| failed(&why))?;
    if !arguments.all && numbers.is_empty() {
        return show(&db, arguments.json).await;
    }
    let which = if arguments.all { Release::All } else { Release::Numbers(&numbers) };
    let released = held_orders::release(&db, which).await.map_err(|why| unreleased(&why))?;
    let known: HashSet<&str> = released.iter().map(String::as_str).collect();
    let others: Vec<String> =
        numbers.iter().map(ToString::to_string).filter(|number| !known.contains(number.as_str())).collect();
    let console = Console::new();
    if arguments.json {
        console.print(&json!({ "released": released, "not_held": others }).to_string());
    } else {
        for number in &released {
            console.print(&format!("released {number}"));
        }
        for number in &others {
            console.print(&format!("not held {number}"));
        }
        console.print(&format!("✓ {} released", released.len()));
    }
    if others.is_empty() { Ok(()) } else { Err(Exit::Logged) }
}

fn unreleased(why: &DbError) -> Exit {
    let advice = if why.is_missing_right() { ". Log in as the owner of the tables (DB_USER)" } else { "" };
    Exit::Failed(format!("release: {}{advice}", with_causes(why)))
}

async fn show(db: &Database, json: bool) -> Result<(), Exit> {
    let held = held_orders::list(db).await.map_err(|why| unreleased(&why))?;
    let console = Console::new();
    if json {
        console.print(&json!({ "held": held.iter().map(json_of).collect::<Vec<_>>() }).to_string());
        return Ok(());
    }
    for order in &held {
        console.print(&line_of(order));
    }
    console.print(&format!("{} held. Release them by their numbers, or --all.", held.len()));
    Ok(())
}
