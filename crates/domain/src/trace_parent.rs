//! Where something stands in a distributed trace: the W3C's `traceparent`.

use std::fmt::{self, Write as _};
use std::num::{NonZeroU64, NonZeroU128};

/// A `traceparent` of version 00 (W3C Trace Context, section 3.2): the trace, the span that caused
/// what follows, and whether the trace is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace_id: NonZeroU128,
    parent_id: NonZeroU64,
    flags: u8,
}

/// The flag of a trace that is recorded.
const SAMPLED: u8 = 1;
/// Version 00: 2 + 1 + 32 + 1 + 16 + 1 + 2 characters.
const LENGTH: usize = 55;

impl TraceParent {
    /// The parent of this trace, span and flags. `None` if one of the ids is zero, which is no id.
    pub fn new(trace_id: u128, parent_id: u64, flags: u8) -> Option<Self> {
        Some(Self { trace_id: NonZeroU128::new(trace_id)?, parent_id: NonZeroU64::new(parent_id)?, flags })
    }

    /// Reads the header's value. `None` if it is none: whoever gets such a value goes on as if
    /// there were no header. Of later versions, what they have in common with version 00 is read.
    pub fn parse(text: &str) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let mut parts = known.split('-');
        let mut next = |digits: usize| {
            let part = parts.next()?;
            let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            (part.len() == digits && part.bytes().all(is_hex)).then_some(part)
        };
        let (version, trace_id, parent_id, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        let is_of_version = match version {
            "00" => rest.is_empty(),
            "ff" => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        if !is_of_version {
            return None;
        }
        Self::new(
            u128::from_str_radix(trace_id, 16).ok()?,
            u64::from_str_radix(parent_id, 16).ok()?,
            u8::from_str_radix(flags, 16).ok()?,
        )
    }

    /// The trace.
    pub fn trace_id(&self) -> TraceId {
        TraceId(self.trace_id)
    }

    /// The span that caused what follows.
    pub fn parent_id(&self) -> u64 {
        self.parent_id.get()
    }

    /// All flags.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// Whether the trace is recorded.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The same place, if the trace is not recorded from here on.
    #[must_use]
    pub fn not_sampled(self) -> Self {
        Self { flags: self.flags & !SAMPLED, ..self }
    }
}

/// As the header has it.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One text, so that a width applies to the whole.
        let mut text = String::with_capacity(LENGTH);
        let Self { trace_id, parent_id, flags } = self;
        write!(text, "00-{trace_id:032x}-{parent_id:016x}-{flags:02x}")?;
        f.pad(&text)
    }
}

/// The id of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(NonZeroU128);

impl TraceId {
    /// As a number.
    pub fn get(self) -> u128 {
        self.0.get()
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_standard_is_read() {
        let parent = TraceParent::parse(EXAMPLE).unwrap();
        assert_eq!(parent.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(parent.parent_id(), 0x00f0_67aa_0ba9_02b7);
        assert!(parent.is_sampled());
        assert_eq!(parent.to_string(), EXAMPLE);
    }

    #[test]
    fn what_is_no_parent_is_none() {
        let changed = |from: usize, by: &str| {
            let mut text = EXAMPLE.to_owned();
            text.replace_range(from..from + by.len(), by);
            text
        };
        for text in [
            String::new(),
            "é".repeat(LENGTH),
            EXAMPLE.to_uppercase(),
            format!("{EXAMPLE} "),
            format!("{EXAMPLE}-00"),
            EXAMPLE[..LENGTH - 1].to_owned(),
            changed(0, "ff"),
            changed(2, "_"),
            changed(3, &"0".repeat(32)),
            changed(36, &"0".repeat(16)),
            changed(53, "+1"),
        ] {
            assert_eq!(TraceParent::parse(&text), None, "{text:?}");
        }
    }

    #[test]
    fn a_later_version_may_say_more() {
        let later = EXAMPLE.replacen("00", "01", 1);
        assert_eq!(TraceParent::parse(&later), TraceParent::parse(EXAMPLE));
        assert_eq!(TraceParent::parse(&format!("{later}-what-comes-then")), TraceParent::parse(EXAMPLE));
        assert_eq!(TraceParent::parse(&format!("{later}.what-comes-then")), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trace_id in 1_u128.., parent_id in 1_u64.., flags: u8) {
            let parent = TraceParent::new(trace_id, parent_id, flags).unwrap();
            prop_assert_eq!(TraceParent::parse(&parent.to_string()), Some(parent));
        }

        #[test]
        fn a_trace_that_is_not_recorded_keeps_its_other_flags(flags: u8) {
            let parent = |flags| TraceParent::new(1, 1, flags).unwrap();
            prop_assert!(!parent(flags).not_sampled().is_sampled());
            prop_assert_eq!(parent(flags | SAMPLED).not_sampled(), parent(flags).not_sampled());
            prop_assert_eq!(parent(flags).not_sampled().flags() | SAMPLED, flags | SAMPLED);
        }

        #[test]
        fn whatever_comes_is_read_or_not(text in "\\PC{0,80}") {
            let _ = TraceParent::parse(&text);
        }
    }
}
