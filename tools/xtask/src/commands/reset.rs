//! `reset`: deletes the cluster's data.

use std::fs;
use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use argh::FromArgs;
use runtime::{Console, Exit};

use crate::cluster::docker::Compose;
use crate::cluster::folder;
use crate::cluster::lock::SupervisorLock;
use crate::cluster::record;
use crate::commands::down;

/// Closes the restaurant and deletes its logs and the data of the servers that `up` started. What
/// is in servers that the configuration names stays, and so do downloaded packages and tools.
#[derive(FromArgs, Debug)]
pub struct Arguments {
    /// do not ask
    #[argh(switch)]
    pub yes: bool,
}

/// Runs the command.
pub async fn run(arguments: &Arguments) -> Result<(), Exit> {
    let console = Console::new();
    if !arguments.yes && !confirmed()? {
        console.note("nothing was deleted");
        return Ok(());
    }
    if let Some(supervisor) = SupervisorLock::holder(folder::LOCK) {
        down::close(console, supervisor, true).await?;
    }
    let project = fs::read_to_string(folder::DOCKER_MARK).unwrap_or_default();
    let had_containers = !project.is_empty();
    if had_containers {
        remove_containers(project).await?;
    }
    let others = folder::configured_servers();
    let own = [folder::POSTGRES, folder::RABBITMQ, folder::PRODUCTION].map(Path::new);
    let had_own = own.iter().any(|path| path.exists()) || had_containers;
    let written = [folder::RECORD, folder::ENVIRONMENT, folder::STAFF_KEY];
    let unfinished = written.map(record::unfinished);
    let found = [folder::LOGS, folder::PROMETHEUS, folder::CONFIGURED_MARK];
    let files = written.into_iter().chain(found).map(Path::new);
    for path in own.into_iter().chain(files).chain(unfinished.iter().map(PathBuf::as_path)) {
        remove(path)?;
    }
    console.done(if had_own {
        "the orders and messages in the servers that 'up' started are deleted, and all logs"
    } else {
        "all logs are deleted"
    });
    if !others.is_empty() {
        console.note(&kept(&others));
    }
    Ok(())
}

async fn remove_containers(project: String) -> Result<(), Exit> {
    let Some(compose) = Compose::find(project).await else {
        return Err(Exit::Failed(
            "the data of PostgreSQL and RabbitMQ is in Docker volumes, but Docker does not answer. Start it and try again"
                .to_owned(),
        ));
    };
    compose.remove().await.map_err(Exit::Failed)?;
    remove(Path::new(folder::DOCKER_MARK))
}

fn remove(path: &Path) -> Result<(), Exit> {
    let outcome = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match outcome {
        Err(why) if why.kind() != io::ErrorKind::NotFound => {
            Err(Exit::Failed(format!("cannot delete '{}': {why}", path.display())))
        }
        _ => Ok(()),
    }
}

/// What is kept, in a sentence.
fn kept(others: &[String]) -> String {
    format!(
        "the orders and messages in {} stay: the configuration names them, 'up' only used them",
        others.join(" and ")
    )
}

fn confirmed() -> Result<bool, Exit> {
    if !io::stdin().is_terminal() {
        return Err(Exit::Usage("reset deletes data; without a terminal to ask on, say --yes".to_owned()));
    }
    let others = folder::configured_servers();
    if !others.is_empty() {
        eprintln!("({}.)", kept(&others));
    }
    eprint!(
        "Close the restaurant and delete its logs, and the orders and messages in servers that 'up' started? [y/N] "
    );
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}
