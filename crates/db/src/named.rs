//! Statements whose parameters have names: `$customer_names` in the text instead of `$3`.

use std::fmt::Write as _;

use tokio_postgres::types::ToSql;

use crate::error::DbError;

/// A statement with its parameters numbered as PostgreSQL wants them.
pub(crate) struct NamedStatement {
    sql: String,
    /// The name of `$1`, of `$2`, and so on.
    names: Vec<&'static str>,
}

impl NamedStatement {
    /// Numbers the parameters in the order in which the text first names them. A name consists of
    /// lower-case letters and underscores.
    pub(crate) fn new(text: &'static str) -> Self {
        let mut names: Vec<&'static str> = Vec::new();
        let mut pieces = text.split('$');
        let mut sql = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let end = piece.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(piece.len());
            let (name, rest) = piece.split_at(end);
            let place = names.iter().position(|known| *known == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            // Writing to a string cannot fail.
            let _ = write!(sql, "${}{rest}", place + 1);
        }
        Self { sql, names }
    }

    /// The text that PostgreSQL gets.
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    /// Collects the values of one execution.
    pub(crate) fn bind(&self) -> Parameters<'_> {
        Parameters { names: &self.names, values: Vec::with_capacity(self.names.len()) }
    }
}

/// The values of one execution, by name.
#[must_use = "a statement is executed with them"]
pub(crate) struct Parameters<'a> {
    names: &'a [&'static str],
    values: Vec<(&'static str, Box<dyn ToSql + Sync + Send + 'a>)>,
}

impl<'a> Parameters<'a> {
    /// Adds the value of a parameter.
    pub(crate) fn with(mut self, name: &'static str, value: impl ToSql + Sync + Send + 'a) -> Self {
        self.values.push((name, Box::new(value)));
        self
    }

    /// The values in the order of the statement's numbers.
    ///
    /// # Errors
    /// A parameter has no value, or two, or a value belongs to no parameter.
    pub(crate) fn in_order(&self) -> Result<Vec<&(dyn ToSql + Sync)>, DbError> {
        if self.values.len() != self.names.len() {
            let (values, names) = (self.values.len(), self.names.len());
            return Err(DbError::unexpected(format!("{values} values for {names} parameters")));
        }
        let value_of = |name: &&'static str| {
            let found = self.values.iter().find(|(given, _)| given == name);
            let (_, value) =
                found.ok_or_else(|| DbError::unexpected(format!("the parameter '{name}' has no value")))?;
            Ok(&**value as &(dyn ToSql + Sync))
        };
        self.names.iter().map(value_of).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    const TEXT: &str = "select $name::text, $count, $name where $other_one = '1'";

    #[test]
    fn names_become_numbers_and_a_name_has_one_number() {
        let statement = NamedStatement::new(TEXT);
        assert_eq!(statement.sql(), "select $1::text, $2, $1 where $3 = '1'");
        assert_eq!(statement.names, ["name", "count", "other_one"]);
        assert_eq!(NamedStatement::new("select 1").sql(), "select 1");
    }

    #[test]
    fn values_find_their_numbers_in_whatever_order_they_are_given() {
        let statement = NamedStatement::new(TEXT);
        let parameters = statement.bind().with("other_one", 3).with("count", 2_i64).with("name", "one");
        let values: Vec<_> =
            parameters.in_order().unwrap().iter().map(|value| format!("{value:?}")).collect();
        assert_eq!(values, ["\"one\"", "2", "3"]);
    }

    #[test]
    fn each_parameter_has_one_value() {
        let statement = NamedStatement::new(TEXT);
        let two = || statement.bind().with("name", "one").with("count", 2);
        for wrong in
            [two(), two().with("count", 2), two().with("another", 3), two().with("other_one", 3).with("x", 1)]
        {
            assert!(wrong.in_order().is_err());
        }
    }
}
