//! `reset`: back to an empty restaurant.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use argh::{ArgsInfo, FromArgs};
use runtime::Exit;

use crate::cluster::docker::Compose;
use crate::cluster::folder::LocalFolder;
use crate::cluster::lock::SupervisorLock;
use crate::commands::down;
use crate::view::console::Console;

/// Closes the restaurant and deletes its data and logs (downloaded packages and tools stay).
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "reset")]
pub struct Arguments {
    /// do not ask
    #[argh(switch)]
    pub yes: bool,
}

/// Runs it.
pub async fn run(arguments: &Arguments) -> Result<(), Exit> {
    let (console, folder) = (Console::new(), LocalFolder::here());
    if !arguments.yes && !confirmed()? {
        console.note("nothing was deleted");
        return Ok(());
    }
    if let Some(supervisor) = SupervisorLock::holder(&folder.lock()) {
        down::close(console, &folder, supervisor, true).await?;
    }
    if let Ok(project) = fs::read_to_string(folder.docker_mark())
        && !project.is_empty()
    {
        remove_containers(&folder, project).await?;
    }
    let parts = [folder.postgres(), folder.rabbitmq(), folder.logs(), folder.record(), folder.environment()];
    for path in parts {
        remove(&path)?;
    }
    console.done("all orders, messages and logs on this machine are deleted");
    Ok(())
}

async fn remove_containers(folder: &LocalFolder, project: String) -> Result<(), Exit> {
    let Some(compose) = Compose::find(project).await else {
        return Err(Exit::Failed(
            "the data of PostgreSQL and RabbitMQ is in Docker volumes, but Docker does not answer. Start it and try again"
                .to_owned(),
        ));
    };
    compose.remove().await.map_err(Exit::Failed)?;
    remove(&folder.docker_mark())
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

fn confirmed() -> Result<bool, Exit> {
    if !io::stdin().is_terminal() {
        return Err(Exit::Usage(
            "reset deletes all data; without a terminal to ask on, say --yes".to_owned(),
        ));
    }
    print!("Close the restaurant and delete all its orders, messages and logs on this machine? [y/N] ");
    let mut answer = String::new();
    let read = io::stdout().flush().and_then(|()| io::stdin().lock().read_line(&mut answer));
    Ok(read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}
