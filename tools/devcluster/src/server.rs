//! The two servers, and how a user can install them.

use crate::Error;
use crate::search::folder_with;

/// One of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL.
    Postgres,
    /// RabbitMQ.
    Rabbitmq,
}

impl Server {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Rabbitmq => "RabbitMQ",
        }
    }

    /// Its packages on Debian, Fedora and Homebrew.
    fn packages(self) -> [&'static str; 3] {
        match self {
            Self::Postgres => ["postgresql", "postgresql-server", "postgresql"],
            Self::Rabbitmq => ["rabbitmq-server", "rabbitmq-server", "rabbitmq"],
        }
    }

    /// The folder of its unpacked packages.
    pub(crate) fn unpacked(self) -> &'static str {
        self.packages()[0]
    }
}

/// The error for missing servers.
pub(crate) fn not_installed(missing: &[Server]) -> Error {
    let names: Vec<&str> = missing.iter().map(|server| server.name()).collect();
    Error::NotInstalled { what: names.join(" and "), advice: advice(missing) }
}

/// The command that installs the servers on this system.
fn advice(missing: &[Server]) -> String {
    let known =
        [("apt-get", 0, "sudo apt-get install"), ("dnf", 1, "sudo dnf install"), ("brew", 2, "brew install")];
    let command =
        known.into_iter().find(|(tool, ..)| folder_with(tool).is_some()).map(|(_, system, command)| {
            let names = missing.iter().filter_map(|server| server.packages().get(system).copied());
            format!("'{command} {}'", names.collect::<Vec<_>>().join(" "))
        });
    let command = command.unwrap_or_else(|| "this system's package manager".to_owned());
    format!("Install with {command}, or start Docker, and try again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_about_what_is_missing() {
        let text = advice(&[Server::Rabbitmq]);
        assert!(!text.contains("postgresql") && text.contains("try again"), "{text}");
    }
}
