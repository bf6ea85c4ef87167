//! Guarantees that child processes do not outlive their owner, even if it is killed with SIGKILL.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::Signal;

/// Reads "+ signal pid" and "- signal pid" lines. Its input ends when the owner ends, however that
/// happens. Then it asks the remaining processes to end, and kills those that still run after 10 s.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
held=
while read -r change signal pid; do
    case $change in
        +) held="$held $signal:$pid" ;;
        -) rest=
           for one in $held; do [ "${one#*:}" = "$pid" ] || rest="$rest $one"; done
           held=$rest ;;
    esac
done
for one in $held; do kill -s "${one%:*}" "${one#*:}" 2>/dev/null; done
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    left=
    for one in $held; do kill -0 "${one#*:}" 2>/dev/null && left="$left ${one#*:}"; done
    [ -n "$left" ] || exit 0
    sleep 1
done
kill -s KILL $left 2>/dev/null
"#;

/// A guard process. Clones share it. Dropping the last clone ends all guarded processes.
///
/// The kernel's death signal (`PR_SET_PDEATHSIG`) is no alternative: it is sent when the starting
/// *thread* ends.
#[derive(Clone, Debug)]
pub struct ProcessGuard(Arc<Reaper>);

#[derive(Debug)]
struct Reaper(Mutex<Child>);

impl ProcessGuard {
    /// Starts the guard process.
    ///
    /// # Errors
    /// There is no `sh`, or no process can be started.
    pub fn new() -> std::io::Result<Self> {
        // Its own process group, so that signals to the owner's group do not end it.
        let child = Command::new("sh")
            .args(["-c", SCRIPT, "process_guard"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self(Arc::new(Reaper(Mutex::new(child)))))
    }

    /// Adds a process. If the owner ends, it is asked to end with this signal.
    pub fn hold(&self, pid: u32, signal: Signal) {
        self.0.send(&format!("+ {} {pid}\n", signal.as_raw()));
    }

    /// Removes a process that has ended, because its id may be reused.
    pub fn release(&self, pid: u32) {
        self.0.send(&format!("- - {pid}\n"));
    }
}

impl Reaper {
    fn send(&self, line: &str) {
        if let Ok(mut child) = self.0.lock()
            && let Some(input) = &mut child.stdin
        {
            // This fails only if the guard process was killed. The work then goes on without the
            // guarantee.
            let _ = input.write_all(line.as_bytes());
        }
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        if let Ok(child) = self.0.get_mut() {
            // This closes its input first.
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::time::Instant;

    use super::*;

    #[test]
    fn guarded_processes_end_and_released_ones_survive() {
        let sleeper = || Command::new("sleep").arg("60").spawn().unwrap();
        let (mut held, mut released) = (sleeper(), sleeper());
        let guard = ProcessGuard::new().unwrap();
        // A shell starts what it runs in the background with SIGINT ignored, and so would they.
        guard.hold(held.id(), Signal::TERM);
        guard.hold(released.id(), Signal::TERM);
        guard.release(released.id());
        let start = Instant::now();
        let reaper = std::thread::spawn(move || held.wait().unwrap());
        drop(guard);
        assert_eq!(reaper.join().unwrap().signal(), Some(Signal::TERM.as_raw()));
        // A process that ignores the signal would be killed after ten seconds.
        assert!(start.elapsed().as_secs() < 10);
        assert_eq!(released.try_wait().unwrap(), None);
        released.kill().unwrap();
        released.wait().unwrap();
    }
}
