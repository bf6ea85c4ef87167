//! The process of a service, as the operating system sees it.

use std::time::Duration;

use devcluster::ProcessStat;
use rustix::process::{Pid, Resource, Rlimit, Signal};

use super::Service;

impl Service {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// The processor time that it has used so far.
    pub fn processor_time(&self) -> Duration {
        ProcessStat::of(self.pid()).expect("it runs").own
    }

    /// Whether it has installed handlers for SIGINT, SIGTERM and SIGHUP (proc(5), "SigCgt": a
    /// hexadecimal mask).
    pub fn handles_signals(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim();
        let mask = u64::from_str_radix(mask, 16).expect("as in proc(5)");
        [Signal::HUP, Signal::INT, Signal::TERM].iter().all(|signal| mask >> (signal.as_raw() - 1) & 1 == 1)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.process(), signal).expect("it runs");
    }

    /// Limits the size of its files from now on (`ulimit -f`).
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = Rlimit { current: bytes, maximum: None };
        rustix::process::prlimit(Some(self.process()), Resource::Fsize, limit).expect("it runs");
    }

    fn process(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.pid()).expect("a pid")).expect("a pid")
    }
}
