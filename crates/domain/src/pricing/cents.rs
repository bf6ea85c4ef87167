//! Arithmetic in whole cents. The largest order has fewer than 10^10 of them, and no more than two
//! amounts are multiplied, so 128 bits never overflow.

use std::cmp::Reverse;

/// An amount in cents, never negative.
pub(super) type Cents = u128;

/// `amount` × `part` / `whole`, rounded half up. `whole` is not 0.
pub(super) fn half_up(amount: Cents, part: u32, whole: u32) -> Cents {
    let (part, whole) = (Cents::from(part), Cents::from(whole));
    (2 * amount * part + whole) / (2 * whole)
}

/// Splits an amount in proportion to the weights, by largest remainder: everyone gets the whole
/// cents of their share, and the cents that are left go to the largest fractions. Of equal
/// fractions, the earlier weight comes first. Nobody gets more than their weight if the amount is
/// at most the sum of the weights.
pub(super) fn spread(amount: Cents, weights: &[Cents]) -> Vec<Cents> {
    let whole: Cents = weights.iter().sum();
    if whole == 0 {
        return vec![0; weights.len()];
    }
    let mut parts: Vec<Cents> = weights.iter().map(|weight| amount * weight / whole).collect();
    let mut left = amount - parts.iter().sum::<Cents>();
    let mut shares: Vec<(&mut Cents, Cents)> =
        parts.iter_mut().zip(weights.iter().map(|weight| amount * weight % whole)).collect();
    // The sort is stable, so equal fractions stay in their order.
    shares.sort_by_key(|(_, fraction)| Reverse(*fraction));
    for (part, _) in shares {
        if left == 0 {
            break;
        }
        *part += 1;
        left -= 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As [`crate::Money::MAX_CENTS`].
    const MAX_CENTS: Cents = 9_999_999_999;

    #[test]
    fn a_half_is_rounded_up() {
        for (amount, part, whole, rounded) in [
            (5, 10, 100, 1),
            (4, 10, 100, 0),
            (15, 10, 100, 2),
            (14, 10, 100, 1),
            (110, 10, 110, 10),
            (0, 10, 100, 0),
            (999, 100, 100, 999),
        ] {
            assert_eq!(half_up(amount, part, whole), rounded, "{amount} × {part}/{whole}");
        }
    }

    #[test]
    fn cents_that_are_left_go_to_the_largest_fractions() {
        assert_eq!(spread(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(spread(5, &[50, 30, 20]), [3, 1, 1]);
        assert_eq!(spread(1, &[10, 11, 10]), [0, 1, 0]);
        assert_eq!(spread(2, &[0, 3, 0, 3]), [0, 1, 0, 1]);
        assert_eq!(spread(0, &[3, 4]), [0, 0]);
        assert_eq!(spread(0, &[0, 0]), [0, 0]);
        assert_eq!(spread(0, &[]), [0_u128; 0]);
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole_and_none_exceeds_its_weight(
            weights in prop::collection::vec(0..=MAX_CENTS, 0..20),
            permille in 0_u128..=1_000,
        ) {
            let amount = weights.iter().sum::<Cents>() * permille / 1_000;
            let parts = spread(amount, &weights);
            prop_assert_eq!(parts.iter().sum::<Cents>(), amount);
            prop_assert!(parts.iter().zip(&weights).all(|(part, weight)| part <= weight));
        }

        #[test]
        fn no_part_is_a_cent_or_more_from_its_share(
            weights in prop::collection::vec(1_u128..10_000, 1..20), amount in 0_u128..10_000,
        ) {
            let whole: Cents = weights.iter().sum();
            for (part, weight) in spread(amount, &weights).into_iter().zip(weights) {
                prop_assert!((part * whole).abs_diff(amount * weight) < whole);
            }
        }
    }
}
