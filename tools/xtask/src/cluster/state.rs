//! How the restaurant of this folder stands, for everybody but its supervisor.

use crate::cluster::folder::LocalFolder;
use crate::cluster::lock::SupervisorLock;
use crate::cluster::record::{Phase, Record};

/// How it stands.
#[derive(Clone, Debug)]
pub enum State {
    /// Nobody looks after it.
    Closed,
    /// It is there.
    Present {
        /// The supervisor's process.
        supervisor: u32,
        /// How far it is.
        phase: Phase,
        /// What runs, once anything does.
        record: Option<Record>,
    },
}

impl State {
    /// As it is now.
    pub fn of(folder: &LocalFolder) -> Self {
        let Some(supervisor) = SupervisorLock::holder(&folder.lock()) else { return Self::Closed };
        // A record of another supervisor tells of the past.
        let record = Record::read(&folder.record()).filter(|record| record.supervisor == supervisor);
        let phase = record.as_ref().map_or(Phase::Opening, |record| record.phase);
        Self::Present { supervisor, phase, record }
    }

    /// What runs, if the restaurant is open.
    ///
    /// # Errors
    /// It is not; the text says how it stands and what to do.
    pub fn open(self) -> Result<Record, String> {
        match self {
            Self::Present { phase: Phase::Open, record: Some(record), .. } => Ok(record),
            Self::Present { supervisor, phase: Phase::Closing, .. } => Err(format!(
                "the restaurant is being closed (process {supervisor}); 'cargo xtask up' opens it again"
            )),
            Self::Present { supervisor, .. } => Err(format!(
                "the restaurant is being opened (process {supervisor}); 'cargo xtask status' shows how far it is"
            )),
            Self::Closed => {
                Err("the restaurant is closed; 'cargo xtask up' in another terminal opens it".to_owned())
            }
        }
    }
}
