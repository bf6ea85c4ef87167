//! The environment of a process that the supervisor starts.

use std::process::Command;

/// Its variables, and whether it has no others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    variables: Vec<(String, String)>,
    is_whole: bool,
}

impl Environment {
    /// These variables, on top of those of this process.
    pub fn beside_ours(variables: Vec<(&'static str, String)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { variables, is_whole: false }
    }

    /// These variables and no others, as in a container.
    pub fn whole(variables: Vec<(String, String)>) -> Self {
        Self { variables, is_whole: true }
    }

    /// Gives it to a command.
    pub fn give_to(&self, command: &mut Command) {
        if self.is_whole {
            command.env_clear();
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }
}
