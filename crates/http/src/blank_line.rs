//! Finds the empty line that ends a head or a chunked body (RFC 9112, sections 2.1 and 7.1). The
//! bytes may arrive in pieces of any size.

/// The state of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BlankLine {
    /// Before the first line. Leading empty lines are skipped (RFC 9112, section 2.2): each would
    /// otherwise end a piece and cost a server turn.
    #[default]
    Before,
    /// Within a line.
    Within,
    /// After a line feed.
    Behind,
    /// After a line feed and a carriage return.
    Return,
}

impl BlankLine {
    /// The number of bytes up to and including the first empty line. `None` if no empty line ends
    /// in these bytes.
    pub(crate) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        for (place, byte) in bytes.iter().enumerate() {
            *self = match (*self, byte) {
                (Self::Behind | Self::Return, b'\n') => {
                    *self = Self::Before;
                    return Some(place + 1);
                }
                (Self::Before, b'\r' | b'\n') => Self::Before,
                (_, b'\n') => Self::Behind,
                (Self::Behind, b'\r') => Self::Return,
                _ => Self::Within,
            };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offsets at which empty lines end.
    fn ends(text: &[u8], piece: usize) -> Vec<usize> {
        let mut line = BlankLine::default();
        let mut ends = Vec::new();
        for (place, bytes) in text.chunks(piece).enumerate() {
            let mut rest = bytes;
            while let Some(end) = line.end(rest) {
                let (_, later) = rest.split_at(end);
                rest = later;
                ends.push(place * piece + bytes.len() - rest.len());
            }
        }
        ends
    }

    #[test]
    fn every_empty_line_is_found_whatever_pieces_it_comes_in() {
        let cases: [(&str, &[usize]); 9] = [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", &[27]),
            ("GET / HTTP/1.1\nHost: a\n\nGET", &[24]),
            ("GET / HTTP/1.1\n\r\n", &[17]),
            ("5\r\n12345\r\n0\r\n\r\n", &[15]),
            ("a\r\n\r\nb\n\n", &[5, 8]),
            ("a\r\r\n\rb\r\n\r", &[]),
            ("", &[]),
            ("\r\n\n\r\n\nGET / HTTP/1.1\r\n\r\nGET", &[24]),
            ("6\n\n\n\n\n\n\n\n0\n\n", &[3, 12]),
        ];
        for (text, expected) in cases {
            for piece in 1..=text.len().max(1) {
                assert_eq!(ends(text.as_bytes(), piece), expected, "{text:?} in pieces of {piece}");
            }
        }
    }
}
