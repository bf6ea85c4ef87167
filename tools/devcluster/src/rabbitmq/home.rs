//! RabbitMQ's root folder with fewer plugins.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::plain_path::PlainPath;
use crate::programs::RabbitmqPrograms;

/// The allowed plugins. Folders that do not start with `rabbitmq_` are libraries, and are kept.
const PLUGINS: [&str; 7] = [
    "rabbitmq_auth_mechanism_ssl",
    "rabbitmq_management",
    "rabbitmq_management_agent",
    "rabbitmq_prelaunch",
    "rabbitmq_prometheus",
    "rabbitmq_web_dispatch",
    "rabbitmq_stream_common",
];

/// A folder of links to the installed RabbitMQ, without unused plugins. Erlang searches the folder
/// of every plugin for each of its modules, and RabbitMQ scans all of them for feature flags.
/// Without the unused ones it starts in two thirds of the time.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) path: PathBuf,
    /// The folder that contains `erl`.
    pub(super) erlang: PathBuf,
    /// The folder of unpacked packages, if RabbitMQ is one of them.
    pub(super) unpacked: Option<PlainPath>,
    pub(super) programs: RabbitmqPrograms,
}

impl Home {
    /// The future home of a server; nothing is created yet.
    pub(super) fn new(programs: &RabbitmqPrograms, folder: &PlainPath) -> Result<Self, Error> {
        let unpacked = programs.unpacked.as_deref().map(PlainPath::of).transpose()?;
        let in_unpacked = unpacked.as_ref().map(|unpacked| unpacked.path().join("usr/lib/erlang/bin"));
        let erlang = in_unpacked.filter(|erlang| erlang.is_dir()).unwrap_or_else(|| programs.erlang.clone());
        let path = folder.path().join("home");
        Ok(Self { path, erlang, unpacked, programs: programs.clone() })
    }

    /// Creates it again, because the installation may have changed.
    pub(super) fn make(&self) -> Result<(), Error> {
        if self.path.exists() {
            fs::remove_dir_all(&self.path).map_err(Error::file("remove", &self.path))?;
        }
        let plugins = self.path.join("plugins");
        fs::create_dir_all(&plugins).map_err(Error::file("create the folder", &plugins))?;
        for part in ["sbin", "escript"] {
            link(&self.programs.root.join(part), &self.path.join(part))?;
        }
        let all = self.programs.root.join("plugins");
        for entry in fs::read_dir(&all).map_err(Error::file("read", &all))? {
            let entry = entry.map_err(Error::file("read", &all))?;
            let name = entry.file_name();
            if is_wanted(&name.to_string_lossy()) {
                link(&entry.path(), &plugins.join(name))?;
            }
        }
        Ok(())
    }
}

fn link(target: &Path, link: &Path) -> Result<(), Error> {
    symlink(target, link).map_err(Error::file("link", link))
}

/// True for `rabbitmq_management-3.10.8`, false for `rabbitmq_shovel-3.10.8`.
fn is_wanted(folder: &str) -> bool {
    let name = folder.split_once('-').map_or(folder, |(name, _)| name);
    !name.starts_with("rabbitmq_") || PLUGINS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_the_management_plugin_are_wanted() {
        for name in ["ra-2.2.0", "rabbit-3.10.8", "rabbit_common-3.10.8", "rabbitmq_management-4.0.9"] {
            assert!(is_wanted(name), "{name}");
        }
        for name in ["rabbitmq_shovel-3.10.8", "rabbitmq_management_x-1", "rabbitmq_mqtt-4.0.9"] {
            assert!(!is_wanted(name), "{name}");
        }
    }
}
