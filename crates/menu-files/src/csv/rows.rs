//! Splits a text into rows and cells.

use std::iter::Peekable;
use std::str::Chars;

use crate::error::FileError;

/// A row that is neither empty nor a comment.
pub(super) struct Row {
    /// The line at which it begins, from 1. A cell in quotes may have several lines.
    pub(super) line: usize,
    pub(super) cells: Vec<String>,
}

/// How a cell ends.
enum End {
    Cell,
    Row,
}

/// All rows of a text.
pub(super) fn rows(text: &str) -> Result<Vec<Row>, FileError> {
    let mut scanner = Scanner { rest: text.chars().peekable(), line: 1 };
    let mut rows = Vec::new();
    while let Some(first) = scanner.rest.peek() {
        if *first == '#' {
            scanner.skip_line();
            continue;
        }
        let row = scanner.row()?;
        if row.cells.iter().any(|cell| !cell.is_empty()) {
            rows.push(row);
        }
    }
    Ok(rows)
}

struct Scanner<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
}

impl Scanner<'_> {
    /// The next character. A line break of Windows is one.
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        if next == '\r' && self.rest.peek() == Some(&'\n') {
            return self.next();
        }
        if next == '\n' {
            self.line += 1;
        }
        Some(next)
    }

    fn skip_line(&mut self) {
        while self.next().is_some_and(|c| c != '\n') {}
    }

    fn row(&mut self) -> Result<Row, FileError> {
        let line = self.line;
        let mut cells = Vec::new();
        loop {
            let mut cell = String::new();
            let end = if self.rest.peek() == Some(&'"') {
                self.next();
                self.quoted_cell(&mut cell)?
            } else {
                self.plain_cell(&mut cell)?
            };
            cells.push(cell);
            if let End::Row = end {
                return Ok(Row { line, cells });
            }
        }
    }

    fn plain_cell(&mut self, cell: &mut String) -> Result<End, FileError> {
        loop {
            let line = self.line;
            match self.next() {
                None | Some('\n') => return Ok(End::Row),
                Some(',') => return Ok(End::Cell),
                Some('"') => {
                    let detail = "a cell with a quote must be in quotes, and have the quote doubled";
                    return Err(FileError::new(line, detail));
                }
                Some(c) => cell.push(c),
            }
        }
    }

    /// A cell whose opening quote is read.
    fn quoted_cell(&mut self, cell: &mut String) -> Result<End, FileError> {
        let start = self.line;
        loop {
            match self.next() {
                None => return Err(FileError::new(start, "a quote is opened here and never closed")),
                Some('"') if self.rest.peek() == Some(&'"') => cell.extend(self.next()),
                Some('"') => break,
                Some(c) => cell.push(c),
            }
        }
        let line = self.line;
        match self.next() {
            None | Some('\n') => Ok(End::Row),
            Some(',') => Ok(End::Cell),
            Some(_) => Err(FileError::new(line, "a comma must follow the closing quote of a cell")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(usize, Vec<String>)> {
        rows(text).unwrap().into_iter().map(|row| (row.line, row.cells)).collect()
    }

    fn row(line: usize, cells: &[&str]) -> (usize, Vec<String>) {
        (line, cells.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn cells_with_and_without_quotes() {
        let text =
            "a,b,c\r\n1,\"x, \"\"y\"\"\",\n\n# a \"comment\", ignored\n,,\n\"two\nlines\", z ,\"\"\r\nlast,,";
        assert_eq!(
            split(text),
            [
                row(1, &["a", "b", "c"]),
                row(2, &["1", "x, \"y\"", ""]),
                row(6, &["two\nlines", " z ", ""]),
                row(8, &["last", "", ""]),
            ]
        );
        assert_eq!(split(""), []);
    }

    #[test]
    fn broken_quotes_name_their_line() {
        for (text, line) in
            [("a\nb,c\"d\n", 2), ("a\n\"b\n\n\n", 2), ("a\n\n\"b\"c\n", 3), ("\"a\nb\" ,c", 2)]
        {
            let Err(error) = rows(text) else { panic!("{text:?}") };
            assert_eq!(error.line, line, "{text:?}: {error}");
        }
    }
}
