//! A program with all the processes that it starts: they end together.
//!
//! `pg_basebackup` starts one that receives the log. That one outlives a parent that is killed,
//! keeps its replication slot, and writes on into the folder.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// How long the processes may take to end when they are asked to.
const GRACE: Duration = Duration::from_secs(3);
/// How long killed processes may take to end: they may wait for a disk.
const KILLED_WITHIN: Duration = Duration::from_secs(2);
/// How often the group is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A running program and its descendants, as a process group. Dropping it kills them.
pub(super) struct ProgramGroup {
    leader: Child,
    /// `None` when all have ended.
    id: Option<Pid>,
}

impl ProgramGroup {
    /// Starts the program as the first process of a new group. A signal of the terminal (Ctrl-C)
    /// reaches only this process, which then ends the group.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        let leader = command.process_group(0).kill_on_drop(true).spawn()?;
        let id = leader.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { leader, id })
    }

    /// Waits until the program itself has ended. Others of its group may still run.
    ///
    /// # Errors
    /// The operating system does not say.
    pub(super) async fn status(&mut self) -> io::Result<ExitStatus> {
        self.leader.wait().await
    }

    /// Asks all processes of the group to end, kills those that do not, and waits until none is
    /// left.
    pub(super) async fn end(mut self) {
        self.signal(Signal::TERM);
        if !self.is_gone_within(GRACE).await {
            self.signal(Signal::KILL);
            self.is_gone_within(KILLED_WITHIN).await;
        }
    }

    async fn is_gone_within(&mut self, limit: Duration) -> bool {
        let gone = async {
            // It belongs to the group until somebody has waited for it.
            let _ = self.leader.wait().await;
            while self.id.is_some_and(|id| test_kill_process_group(id).is_ok()) {
                sleep(LOOK).await;
            }
        };
        let is_gone = timeout(limit, gone).await.is_ok();
        if is_gone {
            self.id = None;
        }
        is_gone
    }

    fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            // Fails if all of them have just ended.
            let _ = kill_process_group(id, signal);
        }
    }
}

impl Drop for ProgramGroup {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::process::Stdio;

    use rustix::process::kill_process;
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
    use tokio::process::ChildStdout;

    use super::*;

    /// A shell that waits for a process of its own. Both keep the returned pipe open.
    async fn with_descendant(prologue: &str) -> (ProgramGroup, BufReader<ChildStdout>) {
        let script = format!("{prologue} sleep 600 & echo started; wait");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut group = ProgramGroup::start(&mut command).unwrap();
        let mut output = BufReader::new(group.leader.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).await.unwrap();
        assert_eq!(line, "started\n");
        (group, output)
    }

    /// The pipe ends when nobody can write to it any more.
    async fn all_have_ended(mut output: BufReader<ChildStdout>) -> bool {
        let limit = Duration::from_secs(30);
        timeout(limit, output.read_to_end(&mut Vec::new())).await.is_ok()
    }

    #[tokio::test]
    async fn its_descendants_end_with_it_however_stubborn() {
        for prologue in ["", "trap '' TERM;"] {
            let (group, output) = with_descendant(prologue).await;
            group.end().await;
            assert!(all_have_ended(output).await, "'{prologue}'");
        }
    }

    #[tokio::test]
    async fn its_descendants_end_though_it_was_killed() {
        let (mut group, output) = with_descendant("").await;
        kill_process(group.id.unwrap(), Signal::KILL).unwrap();
        assert!(!group.status().await.unwrap().success());
        group.end().await;
        assert!(all_have_ended(output).await);
    }

    #[tokio::test]
    async fn nobody_outlives_its_owner() {
        let (group, output) = with_descendant("").await;
        drop(group);
        assert!(all_have_ended(output).await);
    }
}
