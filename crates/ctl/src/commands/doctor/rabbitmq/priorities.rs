//! What a version of RabbitMQ makes of the priorities of orders that wait in quorum queues.

use super::numbers_of;

/// Before it, quorum queues know no priorities.
const FIRST_WITH_TWO: (u32, u32) = (4, 0);
/// From it on, the higher one is always first.
const FIRST_STRICT: (u32, u32) = (4, 3);

/// The priorities of a quorum queue. The services declare theirs without `x-max-priority`, which
/// versions before 4.3 refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priorities {
    /// Orders are taken as they came.
    None,
    /// Up to 4 is normal, above is high. Two high ones are delivered for each normal one
    /// (<https://www.rabbitmq.com/blog/2024/08/28/quorum-queues-in-4.0>).
    TwoMixed,
    /// 32 levels, the higher one always first (<https://www.rabbitmq.com/docs/4.3/priority>). The
    /// documents name `x-max-priority` for it. What holds without it was not tried.
    Strict,
    /// The version cannot be read.
    Unknown,
}

impl Priorities {
    /// Those of a version such as `3.13.7`.
    pub(super) fn of(version: &str) -> Self {
        match numbers_of(version) {
            None => Self::Unknown,
            Some(numbers) if numbers < FIRST_WITH_TWO => Self::None,
            Some(numbers) if numbers < FIRST_STRICT => Self::TwoMixed,
            Some(_) => Self::Strict,
        }
    }

    /// The end of a sentence about quorum queues.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::None => "which have no priorities in this version: dear orders wait as long as cheap ones",
            Self::TwoMixed => {
                "which tell two priorities apart in this version, 1 from 5 and 10, and deliver two orders of the higher one for each of the lower one (so RabbitMQ's documents say; not tried)"
            }
            Self::Strict => {
                "which can have strict priorities in this version; what it makes of queues that do not ask for them, as these, was not tried"
            }
            Self::Unknown => {
                "and what this version makes of priorities there is not known: before 4.0 they have none"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_own_priorities() {
        for (version, expected) in [
            ("3.10.8", Priorities::None),
            ("3.13.7", Priorities::None),
            ("4.0.1", Priorities::TwoMixed),
            ("4.2.0", Priorities::TwoMixed),
            ("4.3.0", Priorities::Strict),
            ("4.10.0", Priorities::Strict),
            ("5.0", Priorities::Strict),
            ("", Priorities::Unknown),
            ("4", Priorities::Unknown),
            ("a nightly build", Priorities::Unknown),
        ] {
            assert_eq!(Priorities::of(version), expected, "{version}");
        }
    }

    #[test]
    fn what_was_not_tried_is_told() {
        assert!(Priorities::None.words().contains("no priorities"));
        for priorities in [Priorities::TwoMixed, Priorities::Strict] {
            assert!(priorities.words().contains("not tried"), "{priorities:?}");
        }
        assert!(Priorities::Unknown.words().contains("not known"));
    }
}
