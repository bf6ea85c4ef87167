//! A child process with an owner.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::log_file::LogFile;
use crate::{Error, ProcessGuard, ProcessStat};

const POLL: Duration = Duration::from_millis(20);
/// How often a killed process is looked at, and how long it may take to end. One that waits for a
/// disk may take longer.
const LOOK: Duration = Duration::from_millis(1);
const KILLED_WITHIN: Duration = Duration::from_secs(5);

/// A child process. Dropping it kills the process and all its descendants.
#[derive(Debug)]
pub struct OwnedProcess {
    child: Child,
    guard: Option<ProcessGuard>,
    ended: Option<ExitStatus>,
}

impl OwnedProcess {
    /// Starts the process in its own process group, so that Ctrl-C in the terminal reaches only its
    /// owner. Its output goes to `log`. `polite` is the signal with which the process guard asks it
    /// to end.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn spawn(
        mut command: Command,
        log: &LogFile,
        guard: Option<&ProcessGuard>,
        polite: Signal,
    ) -> Result<Self, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.output()?)
            .stderr(log.output()?)
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Run { program, source })?;
        if let Some(guard) = guard {
            guard.hold(child.id(), polite);
        }
        Ok(Self { child, guard: guard.cloned(), ended: None })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if the process has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.note_end(status);
        }
        self.ended
    }

    /// Asks the process to end, and kills it after `grace`.
    pub async fn stop(&mut self, signal: Signal, grace: Duration) {
        let deadline = Instant::now() + grace;
        self.signal(signal);
        while self.ended().is_none() {
            if Instant::now() > deadline {
                return self.kill();
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Kills the process and all its descendants, like a power cut.
    pub fn kill(&mut self) {
        if self.ended().is_some() {
            return;
        }
        // Stop it first, so that it starts no further process.
        self.signal(Signal::STOP);
        let descendants = descendants(self.pid());
        self.signal(Signal::KILL);
        for pid in &descendants {
            // Fails if the process has just ended, here and below.
            let _ = signal(*pid, Signal::KILL);
        }
        if let Ok(status) = self.child.wait() {
            self.note_end(status);
        }
        // A busy machine ends them later, and until then their connections stand.
        let deadline = Instant::now() + KILLED_WITHIN;
        while descendants.iter().any(|pid| is_alive(*pid)) && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
    }

    /// Sends a signal, if the process still runs.
    pub fn signal(&mut self, what: Signal) {
        if self.ended().is_none() {
            let _ = signal(self.pid(), what);
        }
    }

    fn note_end(&mut self, status: ExitStatus) {
        self.ended = Some(status);
        if let Some(guard) = &self.guard {
            guard.release(self.child.id());
        }
    }
}

impl Drop for OwnedProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal to a process.
///
/// # Errors
/// It has ended, or belongs to another user.
pub fn signal(pid: u32, signal: Signal) -> rustix::io::Result<()> {
    match i32::try_from(pid).ok().and_then(Pid::from_raw) {
        Some(pid) => kill_process(pid, signal),
        None => Ok(()),
    }
}

/// Whether a process has not ended. A zombie has: only its parent has not looked.
fn is_alive(pid: u32) -> bool {
    ProcessStat::of(pid).is_some_and(|process| !process.is_zombie)
}

/// The ids of all descendants. Empty without /proc: the descendants then notice the end of their
/// parent.
fn descendants(root: u32) -> Vec<u32> {
    let all = ProcessStat::all();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(all.iter().filter(|(_, process)| process.parent == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn grandchildren_are_descendants() {
        let mut shell = Command::new("sh").args(["-c", "sleep 60 & wait"]).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while descendants(shell.id()).is_empty() && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
        let found = descendants(std::process::id());
        let children = descendants(shell.id());
        assert!(found.contains(&shell.id()) && children.len() == 1 && found.contains(&children[0]));
        signal(children[0], Signal::KILL).unwrap();
        shell.wait().unwrap();
    }
}
