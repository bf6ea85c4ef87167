//! Which messages were shown already: a message that was published twice is shown once.

use std::collections::{HashSet, VecDeque};

/// The newest ids that are remembered; repeats come soon after the first, if at all.
const REMEMBERED: usize = 10_000;

/// The ids of the messages shown last.
#[derive(Debug, Default)]
pub struct Seen {
    ids: HashSet<String>,
    by_age: VecDeque<String>,
}

impl Seen {
    /// Remembers an id; `false` if it was known.
    pub fn is_new(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.by_age.push_back(id.to_owned());
        if self.by_age.len() > REMEMBERED
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_known_and_the_memory_is_bounded() {
        let mut seen = Seen::default();
        assert!(seen.is_new("first"));
        assert!(!seen.is_new("first"));
        for number in 0..REMEMBERED {
            assert!(seen.is_new(&number.to_string()));
        }
        assert_eq!(seen.ids.len(), REMEMBERED);
        assert!(seen.is_new("first"), "the oldest is forgotten");
    }
}
