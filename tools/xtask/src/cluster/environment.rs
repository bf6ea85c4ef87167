//! The environment of a process that the supervisor starts.

use std::process::Command;

/// Its variables, and whether it has no others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    variables: Vec<(String, String)>,
    is_isolated: bool,
}

impl Environment {
    /// These variables, on top of those of this process.
    pub fn inherited(variables: Vec<(&'static str, String)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { variables, is_isolated: false }
    }

    /// These variables and no others, as in a container.
    pub fn isolated(variables: Vec<(String, String)>) -> Self {
        Self { variables, is_isolated: true }
    }

    /// Gives it to a command.
    pub fn give_to(&self, command: &mut Command) {
        if self.is_isolated {
            command.env_clear();
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }
}
