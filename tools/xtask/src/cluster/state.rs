//! The state of this folder's cluster, for all processes but its supervisor.

use crate::cluster::folder;
use crate::cluster::lock::SupervisorLock;
use crate::cluster::record::{Phase, Record};

/// The state of the cluster.
#[derive(Clone, Debug)]
pub enum State {
    /// There is no supervisor.
    Closed,
    /// There is a supervisor.
    Present {
        /// The supervisor's process id.
        supervisor: u32,
        /// Its phase.
        phase: Phase,
        /// The record, once something runs.
        record: Option<Record>,
    },
}

impl State {
    /// The current state.
    pub fn now() -> Self {
        let Some(supervisor) = SupervisorLock::holder(folder::LOCK) else { return Self::Closed };
        // The record of another supervisor is outdated.
        let record = Record::read(folder::RECORD).filter(|record| record.supervisor == supervisor);
        let phase = record.as_ref().map_or(Phase::Opening, |record| record.phase);
        Self::Present { supervisor, phase, record }
    }

    /// The record, if the cluster is up.
    ///
    /// # Errors
    /// It is not up. The text says its state and what to do.
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
