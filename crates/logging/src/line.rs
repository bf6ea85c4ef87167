//! The fields of one line, and their order.

use std::cell::Cell;

use domain::timestamp::Timestamp;
use domain::{RequestId, TraceParent};
use serde::Serialize;
use serde_json::Value;
use slog::{KV, Record, Serializer};

/// The three levels of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// An event of a single order.
    Debug,
    /// An event of the service as a whole.
    Info,
    /// A failure that is handled where it is logged.
    Error,
}

impl Level {
    /// The names of the levels, as a list for people.
    pub const NAMES: &str = "debug, info, error";

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Error => "ERROR",
        }
    }

    /// The slog level that filters lines of this level.
    pub(crate) fn to_slog(self) -> slog::Level {
        match self {
            Self::Debug => slog::Level::Debug,
            Self::Info => slog::Level::Info,
            Self::Error => slog::Level::Error,
        }
    }
}

impl std::str::FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "debug" => Ok(Self::Debug),
            "info" => Ok(Self::Info),
            "error" => Ok(Self::Error),
            _ => Err(format!("'{text}' is not a log level (allowed: {})", Self::NAMES)),
        }
    }
}

/// All fields of a line except its message.
pub(crate) struct Line<'a> {
    pub(crate) timestamp: Timestamp,
    pub(crate) level: Level,
    pub(crate) service: &'a str,
    pub(crate) hostname: &'a str,
    pub(crate) request_id: &'a RequestId,
    pub(crate) action: &'a str,
    /// slog requires owned values: both are taken out when the line is written.
    pub(crate) details: Cell<Details>,
    pub(crate) duration_ms: Option<u64>,
    pub(crate) error: Cell<Option<Value>>,
}

/// The fields of `details`, in the order in which they were added. A map would cost more for a
/// handful.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details(Vec<(&'static str, Value)>);

impl Details {
    pub(crate) fn push(&mut self, name: &'static str, value: Value) {
        self.0.push((name, value));
    }
}

impl Serialize for Details {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl KV for Line<'_> {
    fn serialize(&self, record: &Record<'_>, out: &mut dyn Serializer) -> slog::Result {
        out.emit_arguments("timestamp", &format_args!("{}", self.timestamp))?;
        out.emit_str("level", self.level.as_str())?;
        out.emit_str("service", self.service)?;
        out.emit_str("hostname", self.hostname)?;
        out.emit_str("request_id", self.request_id.as_str())?;
        if let Some(trace) = self.request_id.trace().filter(TraceParent::is_sampled) {
            out.emit_arguments("trace_id", &format_args!("{}", trace.trace_id()))?;
        }
        out.emit_str("action", self.action)?;
        out.emit_arguments("message", record.msg())?;
        let details = self.details.take();
        if !details.0.is_empty() {
            out.emit_serde("details", &slog::Serde(details))?;
        }
        if let Some(duration) = self.duration_ms {
            out.emit_u64("duration_ms", duration)?;
        }
        if let Some(error) = self.error.take() {
            out.emit_serde("error", &slog::Serde(error))?;
        }
        Ok(())
    }
}
