//! The handle that services log with.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::RequestId;
use serde_json::{Value, json};
use slog::Drain;

use crate::action::{self, Action};
use crate::clock::now;
use crate::cut;
use crate::line::{Details, Level, Line};
use crate::sink::{Outage, PlainLines, Printed, Sink, complain};
use crate::suppression::Suppression;

/// A log of one service under one request id. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    origin: Arc<Origin>,
    request_id: RequestId,
}

struct Origin {
    service: &'static str,
    hostname: String,
    level: Level,
    drain: slog::Fuse<JsonLines>,
    /// For lines about the log itself.
    urgent: slog::Fuse<JsonLines>,
    plain: PlainLines,
    suppression: Suppression,
}

/// Each line is formatted into its own buffer, so that no thread waits for another's.
struct JsonLines(Sink);

impl Drain for JsonLines {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &slog::Record<'_>, values: &slog::OwnedKVList) -> Result<(), slog::Never> {
        let json = slog_json::Json::new(self.0.clone()).build();
        // The sink never fails. A line that cannot be serialised can only be reported on stderr.
        if let Err(why) = json.log(record, values) {
            complain(format_args!("a log line was lost: {why}"));
        }
        Ok(())
    }
}

impl Log {
    pub(crate) fn new(service: &'static str, level: Level, sink: &Sink) -> Self {
        let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let origin = Origin {
            service,
            hostname,
            level,
            drain: JsonLines(sink.clone()).fuse(),
            urgent: JsonLines(sink.urgent()).fuse(),
            plain: sink.plain_lines(),
            suppression: Suppression::default(),
        };
        Self { origin: Arc::new(origin), request_id: RequestId::startup() }
    }

    /// Logs that stdout can be written again.
    pub(crate) fn report(&self, outage: &Outage) {
        let duration = outage.since.elapsed();
        let seconds = duration.as_secs_f64();
        let lost = outage.lost;
        let entry = if lost > 0 {
            let message =
                format!("{lost} log lines are lost: for {seconds:.1} s stdout could not be written");
            self.error(action::LOG_LINES_LOST, message, &outage.why).detail("lost", lost)
        } else {
            let message = format!("Stdout could not be written for {seconds:.1} s; no log line is lost");
            self.info(action::LOG_RESUMED, message).detail("why", outage.why.to_string())
        };
        entry.detail("since", outage.at.to_string()).took(duration).emit_to(|origin| &origin.urgent);
    }

    /// Logs how many lines of each action [`Entry::emit_limited`] has suppressed since the last
    /// call. Its users call this every few seconds and at the end.
    pub fn report_suppressed(&self) {
        for summary in self.origin.suppression.take() {
            let message = format!("And {} more like it, which are not logged one by one", summary.count);
            let mut entry = self.entry(summary.level, summary.action, message);
            if summary.level == Level::Error {
                let (said, stack) = cut::causes(&summary.why());
                entry.error = Some(Failure { said, stack });
            }
            entry.detail("left_out", summary.count).emit();
        }
    }

    /// The same log under another request id.
    #[must_use]
    pub fn with_request_id(&self, request_id: RequestId) -> Self {
        Self { origin: Arc::clone(&self.origin), request_id }
    }

    /// The id that every line of this log carries.
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// Logs something about the service as a whole.
    pub fn info(&self, action: Action, message: impl Into<String>) -> Entry<'_> {
        self.entry(Level::Info, action, message)
    }

    /// Logs something about a single order, message or request.
    pub fn debug(&self, action: Action, message: impl Into<String>) -> Entry<'_> {
        self.entry(Level::Debug, action, message)
    }

    /// Logs a failure where it is handled. The line carries the error's text and the chain of its
    /// causes.
    pub fn error(&self, action: Action, message: impl Into<String>, why: &dyn Error) -> Entry<'_> {
        let mut entry = self.entry(Level::Error, action, message);
        let (said, stack) = cut::causes(why);
        entry.error = Some(Failure { said, stack });
        entry
    }

    /// Whether stdout has no reader any more, so that nothing is written.
    pub fn is_cut_off(&self) -> bool {
        self.origin.plain.is_closed()
    }

    /// Writes a plain line for people, in sequence with the log lines around it. It is never
    /// dropped, and this call does not wait. A caller that prints many lines must await some of
    /// them.
    pub fn print(&self, text: impl std::fmt::Display) -> Printed {
        self.origin.plain.write(&format!("{text}\n"))
    }

    fn entry(&self, level: Level, action: Action, message: impl Into<String>) -> Entry<'_> {
        let message = cut::message(message.into());
        Entry { log: self, level, action, message, details: Details::default(), duration: None, error: None }
    }
}

/// A log line that is being built.
#[must_use = "a line is written by emit()"]
pub struct Entry<'a> {
    log: &'a Log,
    level: Level,
    action: Action,
    message: String,
    details: Details,
    duration: Option<Duration>,
    error: Option<Failure>,
}

/// The `error` object of a line.
struct Failure {
    said: String,
    stack: String,
}

impl Entry<'_> {
    /// Adds a field to `details`. Long texts and lists are cut.
    pub fn detail(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.push(name, cut::value(value.into()));
        self
    }

    /// Adds a panic's backtrace to the causes of an error.
    pub(crate) fn trace(mut self, trace: String) -> Self {
        if let Some(failure) = &mut self.error {
            failure.stack.push_str("\ncaused by: ");
            failure.stack.push_str(&cut::trace(trace));
        }
        self
    }

    /// Adds the duration, in whole milliseconds.
    pub fn took(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Writes the line.
    pub fn emit(self) {
        self.emit_to(|origin| &origin.drain);
    }

    /// Writes the line, unless its action exceeds its rate: lines that clients can cause must not
    /// fill the disk. Each action may write 1,000 lines at once, then 100 a second; ordinary load
    /// stays far below that. Suppressed lines are counted for [`Log::report_suppressed`].
    pub fn emit_limited(self) {
        let origin = &*self.log.origin;
        if self.level >= origin.level && origin.suppression.admits(self.action, self.level, Instant::now()) {
            self.emit();
        }
    }

    fn emit_to(self, drain: impl Fn(&Origin) -> &slog::Fuse<JsonLines>) {
        let origin = &*self.log.origin;
        if self.level < origin.level {
            return;
        }
        let line = Line {
            timestamp: now(),
            level: self.level,
            service: origin.service,
            hostname: &origin.hostname,
            request_id: &self.log.request_id,
            action: self.action.as_str(),
            details: self.details.into(),
            duration_ms: self
                .duration
                .map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
            error: self.error.map(|Failure { said, stack }| json!({"msg": said, "stack": stack})).into(),
        };
        let place = slog::RecordStatic {
            location: &slog::RecordLocation { file: "", line: 0, column: 0, function: "", module: "" },
            tag: "",
            level: self.level.to_slog(),
        };
        let message = format_args!("{}", self.message);
        let record = slog::Record::new(&place, &message, slog::BorrowedKV(&line));
        let Ok(()) = drain(origin).log(&record, &slog::OwnedKVList::from(slog::o!()));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(level: Level, write: impl FnOnce(&Log)) -> Vec<String> {
        let captured = Captured::default();
        let (log, flush) = crate::start_on("order-service", level, captured.clone());
        write(&log);
        drop(flush);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot store the order")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn fields_come_in_the_order_of_the_specification() {
        let lines = lines(Level::Debug, |log| {
            log.info(action::SERVICE_STARTED, "Order Service started on port 3000")
                .detail("port", 3000)
                .detail("max_concurrent", 50)
                .took(Duration::from_millis(250))
                .emit();
        });
        let line: serde_json::Map<String, Value> = serde_json::from_str(&lines[0]).unwrap();
        let (head, tail) = lines[0].split_once("\",\"level\"").unwrap();
        assert!(head.starts_with("{\"timestamp\":\"20"), "{head}");
        let hostname = line["hostname"].as_str().unwrap();
        assert_eq!(
            tail,
            format!(
                ":\"INFO\",\"service\":\"order-service\",\"hostname\":\"{hostname}\",\"request_id\":\"startup-001\",\
                 \"action\":\"service_started\",\"message\":\"Order Service started on port 3000\",\
                 \"details\":{{\"port\":3000,\"max_concurrent\":50}},\"duration_ms\":250}}"
            )
        );
    }

    #[test]
    fn the_trace_stands_behind_the_request_if_it_is_recorded() {
        let trace = |flags| domain::TraceParent::new(0x4bf9, 0xf067, flags);
        let lines = lines(Level::Debug, |log| {
            for trace in [None, trace(0), trace(1)] {
                let request = RequestId::parse("req-1").unwrap().with_trace(trace);
                log.with_request_id(request).debug(Action("traced"), "a line").emit();
            }
        });
        let (with, without) = lines.split_last().unwrap();
        assert!(without.iter().all(|line| line.contains("\"request_id\":\"req-1\",\"action\"")), "{lines:?}");
        let expected =
            "\"request_id\":\"req-1\",\"trace_id\":\"00000000000000000000000000004bf9\",\"action\"";
        assert!(with.contains(expected), "{with}");
    }

    #[test]
    fn an_error_carries_the_chain_of_its_causes() {
        let lines = lines(Level::Error, |log| {
            let why = Outer(std::io::Error::other("disk\nfull"));
            log.info(Action("not_logged"), "below the level").emit();
            log.error(action::DB_TRANSACTION_FAILED, "Order not stored", &why).emit();
        });
        assert_eq!(lines.len(), 1);
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(
            line["error"],
            json!({"msg": "cannot store the order", "stack": "cannot store the order\ncaused by: disk\nfull"})
        );
    }

    #[test]
    fn no_text_forges_a_line_or_steers_the_terminal() {
        let hostile = "x\r\n{\"level\":\"ERROR\"}\u{1b}[2J\u{7f}\u{9b}31m\u{202e}\u{2028}é";
        let lines = lines(Level::Debug, |log| {
            log.debug(Action("hostile"), hostile).detail("name", hostile).emit();
            let _printed = log.print("a line of its own");
        });
        assert_eq!((lines.len(), lines[1].as_str()), (2, "a line of its own"));
        let visible = |c: char| c == 'é' || matches!(c, ' '..='~');
        assert!(lines[0].chars().all(visible), "{}", lines[0]);
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!((&line["message"], &line["details"]["name"]), (&json!(hostile), &json!(hostile)));
    }

    #[test]
    fn what_comes_from_outside_makes_no_long_line() {
        let lines = lines(Level::Debug, |log| {
            let outside = "x".repeat(60_000);
            let why = Outer(std::io::Error::other(outside.clone()));
            log.error(action::VALIDATION_FAILED, outside.clone(), &why)
                .detail("order_number", outside)
                .emit();
        });
        assert!(lines[0].len() < 3_000, "{}", lines[0].len());
        assert_eq!(lines[0].matches("x… (59").count(), 3, "{}", lines[0]);
    }

    #[test]
    fn lines_that_strangers_cause_are_written_at_a_rate_and_the_others_are_counted() {
        let started = Instant::now();
        let lines = lines(Level::Info, |log| {
            for _ in 0..10_000 {
                log.error(
                    action::VALIDATION_FAILED,
                    "The order was refused",
                    &std::io::Error::other("no name"),
                )
                .emit_limited();
                log.debug(action::REQUEST_REFUSED, "below the level").emit_limited();
            }
            log.info(Action("another"), "of its own count").emit_limited();
            log.report_suppressed();
            log.report_suppressed();
        });
        let most = 1_000 + started.elapsed().as_millis() / 10 + 1;
        let parsed: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (summary, written) = parsed.split_last().unwrap();
        let single = written.iter().filter(|line| line["action"] == "validation_failed").count();
        assert_eq!(single, written.len() - 1, "the other one is the last");
        assert!((1_000..=usize::try_from(most).unwrap()).contains(&single), "{single}");
        let suppressed = 10_000 - single;
        assert_eq!((&summary["action"], &summary["level"]), (&json!("validation_failed"), &json!("ERROR")));
        assert_eq!(summary["details"], json!({"left_out": suppressed}));
        assert_eq!(
            summary["message"],
            format!("And {suppressed} more like it, which are not logged one by one")
        );
        assert!(summary["error"]["msg"].as_str().unwrap().starts_with(&suppressed.to_string()));
    }

    #[test]
    fn no_line_is_lost_however_many_threads_write() {
        let lines = lines(Level::Debug, |log| {
            std::thread::scope(|threads| {
                for _ in 0..8 {
                    threads.spawn(|| {
                        (0..5_000).for_each(|_| log.debug(Action("burst"), "x".repeat(100)).emit());
                    });
                }
            });
        });
        assert_eq!(lines.len(), 40_000);
        assert!(lines.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    }
}
