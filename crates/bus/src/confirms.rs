//! Finds the messages that a confirm is about.

use std::collections::BTreeMap;

/// Removes and returns the messages that RabbitMQ confirms or rejects with this tag: one, or all up
/// to it. The tag comes from the network and can be any number.
pub(crate) fn take<T>(waiting: &mut BTreeMap<u64, T>, tag: u64, multiple: bool) -> BTreeMap<u64, T> {
    if !multiple {
        return waiting.remove(&tag).map(|message| (tag, message)).into_iter().collect();
    }
    let later = tag.checked_add(1).map(|next| waiting.split_off(&next)).unwrap_or_default();
    std::mem::replace(waiting, later)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_tag() -> impl Strategy<Value = u64> {
        prop_oneof![0..12_u64, Just(u64::MAX), any::<u64>()]
    }

    proptest! {
        #[test]
        fn each_message_is_taken_or_waits(
            tags in prop::collection::btree_set(any_tag(), 0..10),
            tag in any_tag(),
            multiple: bool,
        ) {
            let mut waiting: BTreeMap<_, _> = tags.iter().map(|tag| (*tag, *tag)).collect();
            let taken = take(&mut waiting, tag, multiple);
            for each in tags {
                let is_meant = if multiple { each <= tag } else { each == tag };
                prop_assert_eq!(taken.contains_key(&each), is_meant);
                prop_assert_eq!(waiting.contains_key(&each), !is_meant);
            }
        }
    }
}
