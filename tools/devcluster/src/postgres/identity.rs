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
pub(crate) enum Identity {
    /// The user of this process.
    Ourselves,
    /// Root, mapped to an ordinary user in a user namespace. It owns the same files and can enter
    /// the same folders, so a project below /root works.
    RootInDisguise {
        /// The start of the command line.
        prefix: Vec<String>,
    },
    /// An ordinary user, who becomes the owner of the folder.
    Another {
        /// The start of the command line.
        prefix: Vec<String>,
        /// The user id.
        uid: u32,
        /// The group id.
        gid: u32,
    },
}

impl Identity {
    /// The first identity that works here.
    pub(crate) async fn find(folder: &Path) -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let passwd = fs::read_to_string("/etc/passwd").map_err(Error::file("read", "/etc/passwd"))?;
        let Some((uid, gid)) = numbers_of(NOBODY, &passwd) else {
            return Err(Error::OnlyRoot { why: "there is no user 'nobody'".to_owned() });
        };
        let words = |line: String| line.split(' ').map(str::to_owned).collect::<Vec<_>>();

        let prefix = words(format!("unshare --user --map-user={uid} --map-group={gid} --"));
        let disguise = probe(&prefix, folder).await;
        if disguise.is_ok() {
            return Ok(Self::RootInDisguise { prefix });
        }
        let change = format!("setpriv --reuid={uid} --regid={gid} --clear-groups");
        // With this capability the user can enter folders that are closed to it; the securebit
        // makes access(2) honour it. Containers may withhold it.
        let capability =
            "--securebits=+no_setuid_fixup --inh-caps=+dac_override --ambient-caps=+dac_override";
        let capable = words(format!("{change} {capability} --"));
        let plain = words(format!("{change} --"));
        let mut failures = vec![disguise.err().map(|why| why.to_string()).unwrap_or_default()];
        for prefix in [capable, plain] {
            match probe(&prefix, folder).await {
                Ok(_) => return Ok(Self::Another { prefix, uid, gid }),
                Err(why) => failures.push(why.to_string()),
            }
        }
        Err(Error::OnlyRoot { why: failures.join("; ") })
    }

    /// A command line for this program, in a folder that every user may enter.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = match self {
            Self::Ourselves => Command::new(program),
            Self::RootInDisguise { prefix } | Self::Another { prefix, .. } => {
                let mut command = prefixed(prefix);
                command.arg(program);
                command
            }
        };
        command.current_dir("/");
        command
    }

    /// Makes the user the owner of the folder and its contents.
    pub(crate) fn give(&self, folder: &Path) -> Result<(), Error> {
        let Self::Another { uid, gid, .. } = self else { return Ok(()) };
        let metadata = folder.symlink_metadata().map_err(Error::file("read", folder))?;
        if metadata.uid() != *uid {
            lchown(folder, Some(*uid), Some(*gid)).map_err(Error::file("change the owner of", folder))?;
        }
        if metadata.is_dir() {
            for entry in fs::read_dir(folder).map_err(Error::file("read", folder))? {
                self.give(&entry.map_err(Error::file("read", folder))?.path())?;
            }
        }
        Ok(())
    }
}

fn prefixed(prefix: &[String]) -> Command {
    let mut words = prefix.iter();
    let mut command = Command::new(words.next().map_or("env", String::as_str));
    command.args(words);
    command
}

/// Whether a command runs with this prefix and can enter the folder.
async fn probe(prefix: &[String], folder: &Path) -> Result<String, Error> {
    let mut command = prefixed(prefix);
    command.args(["test", "-x"]).arg(folder.parent().unwrap_or(folder)).current_dir("/");
    tool::run(command.into(), PROBE_LIMIT).await
}

/// The user id and the group id of a user in the text of /etc/passwd.
fn numbers_of(user: &str, passwd: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == user).then_some(())?;
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_passwd() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/:/usr/sbin/nologin\n";
        assert_eq!(numbers_of("nobody", passwd), Some((65534, 65533)));
        assert_eq!(numbers_of("body", passwd), None);
    }
}
