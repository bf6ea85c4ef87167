//! The user that PostgreSQL runs as: it refuses to run as root.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::{Error, tool};

const PROBE_LIMIT: Duration = Duration::from_secs(10);
/// An ordinary user that every system has.
const NOBODY: &str = "nobody";

/// The user that the server's programs run as.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The start of the command line. Empty for the user of this process.
    prefix: Vec<String>,
    /// The ids of an ordinary user and its group, who become the owner of the folder.
    owner: Option<(u32, u32)>,
}

impl Identity {
    /// The first identity that works here.
    pub(crate) async fn find(folder: &Path) -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { prefix: Vec::new(), owner: None });
        }
        let (Some(uid), Some(gid)) = (id_of_nobody("-u").await, id_of_nobody("-g").await) else {
            return Err(Error::OnlyRoot { why: "there is no user 'nobody'".to_owned() });
        };
        // Root, mapped to an ordinary user in a user namespace. It owns the same files and can
        // enter the same folders, so a project below /root works.
        let disguise = format!("unshare --user --map-user={uid} --map-group={gid} --");
        let change = format!("setpriv --reuid={uid} --regid={gid} --clear-groups");
        // With this capability the user can enter folders that are closed to it; the securebit
        // makes access(2) honour it. Containers may withhold it.
        let capability =
            "--securebits=+no_setuid_fixup --inh-caps=+dac_override --ambient-caps=+dac_override";
        let owner = Some((uid, gid));
        let candidates =
            [(disguise, None), (format!("{change} {capability} --"), owner), (format!("{change} --"), owner)];
        let mut failures = Vec::new();
        for (prefix, owner) in candidates {
            let identity = Self { prefix: prefix.split(' ').map(str::to_owned).collect(), owner };
            match identity.probe(folder).await {
                Ok(_) => return Ok(identity),
                Err(why) => failures.push(why.to_string()),
            }
        }
        Err(Error::OnlyRoot { why: failures.join("; ") })
    }

    /// Runs a command that can enter the folder, or fails.
    async fn probe(&self, folder: &Path) -> Result<String, Error> {
        let mut command = self.command(Path::new("test"));
        command.arg("-x").arg(folder.parent().unwrap_or(folder));
        tool::run(command.into(), PROBE_LIMIT).await
    }

    /// A command line for this program, in a folder that every user may enter.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = match self.prefix.split_first() {
            None => Command::new(program),
            Some((first, others)) => {
                let mut command = Command::new(first);
                command.args(others).arg(program);
                command
            }
        };
        command.current_dir("/");
        command
    }

    /// Makes the user the owner of the folder and its contents.
    pub(crate) fn give(&self, folder: &Path) -> Result<(), Error> {
        let Some((uid, gid)) = self.owner else { return Ok(()) };
        let metadata = folder.symlink_metadata().map_err(Error::file("read", folder))?;
        if metadata.uid() != uid {
            lchown(folder, Some(uid), Some(gid)).map_err(Error::file("change the owner of", folder))?;
        }
        if metadata.is_dir() {
            for entry in fs::read_dir(folder).map_err(Error::file("read", folder))? {
                self.give(&entry.map_err(Error::file("read", folder))?.path())?;
            }
        }
        Ok(())
    }
}

/// The id of that user (`-u`), or of its group (`-g`).
async fn id_of_nobody(which: &str) -> Option<u32> {
    let mut command = tokio::process::Command::new("id");
    command.args([which, NOBODY]);
    tool::run(command, PROBE_LIMIT).await.ok()?.trim().parse().ok()
}
