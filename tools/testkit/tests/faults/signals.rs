//! Signals to processes that the tests did not start themselves: a server's children.

use rustix::process::{Pid, kill_process};
use testkit::Signal;

/// Sends a signal to one process. A missing process is ignored.
pub fn send(pid: u32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(i32::try_from(pid).unwrap()) {
        let _ = kill_process(pid, signal);
    }
}

/// Sends a signal to a process and all its descendants.
pub fn send_to_tree(pid: u32, signal: Signal) {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    for child in children.split_whitespace() {
        send_to_tree(child.parse().unwrap(), signal);
    }
    send(pid, signal);
}

/// Whether a process is stopped by a signal.
pub fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, after_name)| after_name.starts_with('T'))
}
