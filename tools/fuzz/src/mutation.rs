//! One change of an input.

use proptest::prelude::*;
use proptest::sample::Index;

/// Bytes with a special meaning to parsers.
const EDGES: [u8; 12] = [0, 1, 9, b'\n', b'\r', b'"', b'\\', 0x7f, 0x80, 0xbf, 0xed, 0xff];
/// The longest piece that is removed or repeated.
const MAX_PIECE: usize = 64;
/// The largest number of repetitions.
const MAX_TIMES: usize = 1_000;

/// A change: a piece of the input gets another content. Positions are indices that fit every
/// length.
#[derive(Clone, Debug)]
pub(crate) struct Mutation {
    at: Index,
    /// The largest length of the piece.
    length: usize,
    content: Content,
}

/// The new content of a piece.
#[derive(Clone, Debug)]
enum Content {
    Nothing,
    Byte(u8),
    /// The same with one bit changed in each byte.
    Flipped(u8),
    /// The same, and so often again.
    Repeated(usize),
    /// A token of the format.
    Token(Index),
    /// The end of another input.
    EndOf(Index, Index),
}

/// Any change.
pub(crate) fn any() -> impl Strategy<Value = Mutation> {
    let place = proptest::arbitrary::any::<Index>;
    let byte = || {
        prop_oneof![proptest::arbitrary::any::<u8>(), prop::sample::select(&EDGES[..])]
            .prop_map(Content::Byte)
    };
    let all = usize::MAX;
    let change = prop_oneof![
        4 => (Just(1), (0_u8..8).prop_map(Content::Flipped)),
        4 => (Just(1), byte()),
        4 => (Just(0), byte()),
        3 => (1..=MAX_PIECE, Just(Content::Nothing)),
        1 => (1..=MAX_PIECE, (1..=MAX_TIMES).prop_map(Content::Repeated)),
        6 => (0..=MAX_PIECE / 4, place().prop_map(Content::Token)),
        2 => (Just(all), (place(), place()).prop_map(|(other, from)| Content::EndOf(other, from))),
        1 => (Just(all), Just(Content::Nothing)),
    ];
    (place(), change).prop_map(|(at, (length, content))| Mutation { at, length, content })
}

impl Mutation {
    /// Applies the change to the input.
    pub(crate) fn apply(&self, input: &mut Vec<u8>, corpus: &[Vec<u8>], tokens: &[&str]) {
        // A position before any byte, or behind the last one.
        let start = self.at.index(input.len() + 1);
        let piece = start..start.saturating_add(self.length).min(input.len());
        let old = input.get(piece.clone()).unwrap_or_default();
        let new = match &self.content {
            Content::Nothing => Vec::new(),
            Content::Byte(byte) => vec![*byte],
            Content::Flipped(bit) => old.iter().map(|byte| byte ^ (1 << bit)).collect(),
            Content::Repeated(times) => old.repeat(times + 1),
            Content::Token(_) if tokens.is_empty() => return,
            Content::Token(token) => token.get(tokens).as_bytes().to_vec(),
            Content::EndOf(other, from) => {
                let other = other.get(corpus);
                other.get(from.index(other.len() + 1)..).unwrap_or_default().to_vec()
            }
        };
        input.splice(piece, new);
    }
}
