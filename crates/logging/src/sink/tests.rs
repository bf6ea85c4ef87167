use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread;

use rustix::io::Errno;
use serde_json::Value;

use super::*;
use crate::{Action, Level, Log, start_on};

/// A disk that is full as long as the test demands, and then accepts a few bytes per write.
#[derive(Clone, Default)]
struct Disk(Arc<DiskState>);

#[derive(Default)]
struct DiskState {
    held: Mutex<Held>,
    refused: Condvar,
}

#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    failure: Option<Errno>,
    refusals: usize,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = self.0.held.lock().unwrap();
        if let Some(failure) = held.failure {
            held.refusals += 1;
            self.0.refused.notify_all();
            return Err(failure.into());
        }
        // In parts that never end with a line.
        let part = bytes.len().min(1_000);
        held.bytes.extend_from_slice(&bytes[..part]);
        Ok(part)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk {
    fn fails(&self, failure: Option<Errno>) {
        self.0.held.lock().unwrap().failure = failure;
    }

    /// Waits until the disk has refused this many writes.
    fn has_refused(&self, times: usize) {
        let held = self.0.held.lock().unwrap();
        let waited =
            self.0.refused.wait_timeout_while(held, Duration::from_mins(1), |held| held.refusals < times);
        assert!(!waited.unwrap().1.timed_out());
    }

    fn lines(&self) -> Vec<Value> {
        let bytes = self.0.held.lock().unwrap().bytes.clone();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "a torn line");
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
            .collect()
    }
}

fn number(log: &Log, from: u64, to: u64) {
    for number in from..to {
        log.info(Action("numbered"), "x".repeat(400)).detail("number", number).emit();
    }
}

fn numbers(lines: &[Value]) -> Vec<u64> {
    lines.iter().filter_map(|line| line["details"]["number"].as_u64()).collect()
}

#[test]
fn a_full_disk_drops_a_counted_number_of_lines_and_logging_resumes() {
    for failure in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG, Errno::IO] {
        const MANY: u64 = 10_000;
        let disk = Disk::default();
        let (log, flush) = start_on("order-service", Level::Info, disk.clone());
        disk.fails(Some(failure));
        number(&log, 0, 1);
        disk.has_refused(1);
        // More than fits into memory. The writers do not wait.
        number(&log, 1, MANY);
        disk.fails(None);
        while !disk.has_taken_a_line() {
            thread::yield_now();
        }
        drop(flush);
        let lines = disk.lines();
        let [told] = &lines.iter().filter(|line| line["action"] == "log_lines_lost").collect::<Vec<_>>()[..]
        else {
            panic!("not reported once");
        };
        let kept = numbers(&lines);
        assert_eq!(told["details"]["lost"], MANY - kept.len() as u64);
        assert!(
            told["error"]["msg"].as_str().unwrap().contains(&io::Error::from(failure).to_string()),
            "{told}"
        );
        assert!(told["details"]["since"].as_str() <= told["timestamp"].as_str(), "{told}");
        // Between one and two mebibytes were kept: the first ones.
        assert!((1_500..5_000).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept, (0..kept.len() as u64).collect::<Vec<_>>());
    }
}

#[test]
fn lines_that_fit_into_memory_are_not_lost() {
    let disk = Disk::default();
    let (log, flush) = start_on("order-service", Level::Info, disk.clone());
    for round in 0..3 {
        disk.fails(Some(Errno::NOSPC));
        number(&log, round * 100, (round + 1) * 100);
        disk.has_refused(1);
        disk.0.held.lock().unwrap().refusals = 0;
        disk.fails(None);
    }
    drop(flush);
    let lines = disk.lines();
    assert_eq!(numbers(&lines), (0..300).collect::<Vec<_>>());
    let resumed: Vec<_> = lines.iter().filter(|line| line["action"] == "log_resumed").collect();
    assert!((1..=3).contains(&resumed.len()), "{resumed:?}");
    assert!(lines.iter().all(|line| line["action"] != "log_lines_lost"));
}

#[test]
fn a_reader_that_is_slow_loses_nothing_and_one_that_is_gone_ends_the_log() {
    const MANY: u64 = 10_000;
    let disk = Disk::default();
    let (log, flush) = start_on("order-service", Level::Info, disk.clone());
    disk.fails(Some(Errno::AGAIN));
    let writing = thread::spawn({
        let log = log.clone();
        move || number(&log, 0, MANY)
    });
    disk.has_refused(100);
    assert!(!writing.is_finished(), "it waits for the reader");
    disk.fails(None);
    writing.join().unwrap();
    drop(flush);
    assert_eq!(numbers(&disk.lines()), (0..MANY).collect::<Vec<_>>());

    let (log, flush) = start_on("order-service", Level::Info, disk.clone());
    disk.fails(Some(Errno::PIPE));
    number(&log, 0, MANY);
    assert!(log.is_cut_off());
    let printed = log.print("unread");
    assert_eq!(poll(printed.done()), Poll::Ready(false));
    drop(flush);
}

#[test]
fn a_printed_line_is_done_when_it_is_written() {
    let disk = Disk::default();
    let (log, flush) = start_on("notification-subscriber", Level::Info, disk.clone());
    disk.fails(Some(Errno::NOSPC));
    let first = log.print("{}");
    disk.has_refused(1);
    // Other lines are dropped, this one is not.
    number(&log, 0, 10_000);
    let (sender, done) = mpsc::channel();
    let printed = log.print("{}");
    let waiting = thread::spawn(move || {
        let _ = sender.send(block_on(printed.done()));
    });
    assert!(matches!(done.try_recv(), Err(mpsc::TryRecvError::Empty)));
    assert_eq!(poll(first.done()), Poll::Pending);
    disk.fails(None);
    assert_eq!(done.recv_timeout(Duration::from_mins(1)), Ok(true));
    waiting.join().unwrap();
    drop(flush);
    assert_eq!(disk.lines().iter().filter(|line| **line == serde_json::json!({})).count(), 2);
}

impl Disk {
    fn has_taken_a_line(&self) -> bool {
        self.0.held.lock().unwrap().bytes.contains(&b'\n')
    }
}

fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
    let mut future = std::pin::pin!(future);
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
