//! One change of an input.

use proptest::prelude::*;
use proptest::sample::Index;

/// Bytes with a special meaning to parsers.
const EDGES: [u8; 12] = [0, 1, 9, b'\n', b'\r', b'"', b'\\', 0x7f, 0x80, 0xbf, 0xed, 0xff];
/// The longest piece that is removed or repeated.
const MAX_PIECE: usize = 64;
/// The largest number of repetitions.
const MAX_TIMES: usize = 1_000;

/// A change. Positions are indices that fit every length.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    Flip(Index, u8),
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    /// Replaces bytes by a token of the format.
    Token(Index, Index, usize),
    /// Appends the end of another input.
    Splice(Index, Index, Index),
    Cut(Index),
}

/// Any change.
pub(crate) fn any() -> impl Strategy<Value = Mutation> {
    let place = proptest::arbitrary::any::<Index>;
    let byte = || prop_oneof![proptest::arbitrary::any::<u8>(), prop::sample::select(&EDGES[..])];
    prop_oneof![
        4 => (place(), 0_u8..8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        4 => (place(), byte()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        4 => (place(), byte()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        3 => (place(), 1..=MAX_PIECE).prop_map(|(at, length)| Mutation::Remove(at, length)),
        1 => (place(), 1..=MAX_PIECE, 1..=MAX_TIMES)
            .prop_map(|(at, length, times)| Mutation::Repeat(at, length, times)),
        6 => (place(), place(), 0..=MAX_PIECE / 4)
            .prop_map(|(at, token, over)| Mutation::Token(at, token, over)),
        2 => (place(), place(), place()).prop_map(|(at, other, from)| Mutation::Splice(at, other, from)),
        1 => place().prop_map(Mutation::Cut),
    ]
}

impl Mutation {
    /// Applies the change to the input.
    pub(crate) fn apply(&self, input: &mut Vec<u8>, corpus: &[Vec<u8>], tokens: &[&str]) {
        // A position before any byte, or behind the last one.
        let gap = |at: &Index| at.index(input.len() + 1);
        let piece = |at: &Index, length: usize| {
            let start = gap(at);
            start..(start + length).min(input.len())
        };
        match self {
            Self::Flip(at, bit) => {
                let place = gap(at);
                if let Some(byte) = input.get_mut(place) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Replace(at, new) => {
                let place = gap(at);
                if let Some(byte) = input.get_mut(place) {
                    *byte = *new;
                }
            }
            Self::Insert(at, byte) => input.insert(gap(at), *byte),
            Self::Remove(at, length) => drop(input.drain(piece(at, *length))),
            Self::Repeat(at, length, times) => {
                let piece = piece(at, *length);
                let copies = input.get(piece.clone()).unwrap_or_default().repeat(*times);
                input.splice(piece.end..piece.end, copies);
            }
            Self::Token(at, token, over) => {
                if !tokens.is_empty() {
                    let bytes = token.get(tokens).bytes();
                    input.splice(piece(at, *over), bytes);
                }
            }
            Self::Splice(at, other, from) => {
                let other = other.get(corpus);
                let end = other.get(from.index(other.len() + 1)..).unwrap_or_default();
                input.truncate(gap(at));
                input.extend_from_slice(end);
            }
            Self::Cut(at) => input.truncate(gap(at)),
        }
    }
}
