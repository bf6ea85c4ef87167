//! `logs`: shows the services' logs in readable lines.

use argh::FromArgs;
use runtime::{Console, Exit};

use crate::cluster::folder;
use crate::cluster::opening::sources;
use crate::cluster::plan::{self, Plan};
use crate::view::stream::Stream;

/// Shows what the services of this run said (the JSON itself is in .local/logs).
#[derive(FromArgs, Debug)]
pub struct Arguments {
    /// a service's name of `status`, or kitchen or notifier for all of them (default: all)
    #[argh(positional)]
    pub service: Option<String>,
    /// go on with what they say next
    #[argh(switch)]
    pub follow: bool,
}

/// Runs the command.
pub async fn run(arguments: &Arguments) -> Result<(), Exit> {
    let console = Console::new();
    // Logs do not depend on ports.
    let all = plan::restaurant(0, 0);
    let plans = match &arguments.service {
        None => all,
        Some(word) => meant(all, word)?,
    };
    if !arguments.follow && !plans.iter().any(|plan| folder::log(plan.name).exists()) {
        return Err(Exit::Failed("there are no logs yet; 'cargo xtask up' opens the restaurant".to_owned()));
    }
    Stream::new(sources(&plans), console).show(arguments.follow).await;
    Ok(())
}

fn meant(all: Vec<Plan>, word: &str) -> Result<Vec<Plan>, Exit> {
    let unknown = format!("there is no service '{word}'. Take one of {}", plan::names(&all).join(", "));
    let plans: Vec<Plan> = all.into_iter().filter(|plan| plan.is_meant(word)).collect();
    if plans.is_empty() { Err(Exit::Usage(unknown)) } else { Ok(plans) }
}
