//! What an expression of `PromQL` names: metrics, and labels. It does not judge the grammar:
//! promtool does.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::vec::IntoIter;

/// Words in front of a list of labels.
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
const OPERATORS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];
/// Aggregations that may stand in front of their grouping.
const AGGREGATIONS: [&str; 5] = ["sum", "min", "max", "avg", "count"];

/// A metric, and the conditions on its labels: label, operator, value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    pub metric: String,
    pub matchers: Vec<(String, String, String)>,
}

/// What an expression names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expression {
    pub selectors: Vec<Selector>,
    /// Labels by which something is grouped or joined.
    pub groupings: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Number,
    Sign(char),
}

type Tokens = Peekable<IntoIter<Token>>;

impl Expression {
    pub fn read(text: &str) -> Self {
        let mut tokens = tokens(text).into_iter().peekable();
        let mut expression = Self::default();
        while let Some(token) = tokens.next() {
            let Token::Word(word) = token else { continue };
            if GROUPINGS.contains(&word.as_str()) {
                expression.groupings.extend(words_in_parentheses(&mut tokens));
            } else if !OPERATORS.contains(&word.as_str()) && !is_call(&word, &mut tokens) {
                let matchers = matchers(&mut tokens);
                expression.selectors.push(Selector { metric: word, matchers });
            }
        }
        expression
    }
}

/// Whether a word is a function or an aggregation.
fn is_call(word: &str, tokens: &mut Tokens) -> bool {
    match tokens.peek() {
        Some(Token::Sign('(')) => true,
        Some(Token::Word(next)) => AGGREGATIONS.contains(&word) && GROUPINGS.contains(&next.as_str()),
        _ => false,
    }
}

fn words_in_parentheses(tokens: &mut Tokens) -> Vec<String> {
    let mut words = Vec::new();
    if tokens.next_if_eq(&Token::Sign('(')).is_some() {
        for token in tokens.by_ref().take_while(|token| *token != Token::Sign(')')) {
            if let Token::Word(word) = token {
                words.push(word);
            }
        }
    }
    words
}

/// What stands in braces behind a metric.
fn matchers(tokens: &mut Tokens) -> Vec<(String, String, String)> {
    let (mut matchers, mut label, mut operator) = (Vec::new(), String::new(), String::new());
    if tokens.next_if_eq(&Token::Sign('{')).is_some() {
        for token in tokens.by_ref().take_while(|token| *token != Token::Sign('}')) {
            match token {
                Token::Word(word) => label = word,
                Token::Sign(',') | Token::Number => {}
                Token::Sign(sign) => operator.push(sign),
                Token::Text(text) => {
                    matchers.push((std::mem::take(&mut label), std::mem::take(&mut operator), text));
                }
            }
        }
    }
    matchers
}

fn tokens(text: &str) -> Vec<Token> {
    let is_of_word = |c: &char| c.is_ascii_alphanumeric() || ['_', ':'].contains(c);
    let mut chars = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = chars.next() {
        if c == '"' {
            tokens.push(Token::Text(chars.by_ref().take_while(|c| *c != '"').collect()));
        } else if c.is_ascii_alphabetic() || c == '_' {
            let mut word = String::from(c);
            while let Some(next) = chars.next_if(is_of_word) {
                word.push(next);
            }
            tokens.push(Token::Word(word));
        } else if c.is_ascii_digit() || c == '$' {
            // A number, a duration such as `5m`, or a variable of Grafana.
            while chars.next_if(|c| is_of_word(c) || *c == '.').is_some() {}
            tokens.push(Token::Number);
        } else if !c.is_whitespace() {
            tokens.push(Token::Sign(c));
        }
    }
    tokens
}

#[test]
fn metrics_and_labels_are_found() {
    let read = Expression::read(
        "sum by (to) (rate(a_total{x=\"1\",y!~\"2|3\"}[$__rate_interval])) / 14.4 > bool 0 \
         and on (z) max(b offset 5m) or vector(0)",
    );
    let matcher =
        |label: &str, operator: &str, value: &str| (label.to_owned(), operator.to_owned(), value.to_owned());
    assert_eq!(
        read.selectors,
        [
            Selector {
                metric: "a_total".to_owned(),
                matchers: vec![matcher("x", "=", "1"), matcher("y", "!~", "2|3")]
            },
            Selector { metric: "b".to_owned(), matchers: Vec::new() },
        ]
    );
    assert_eq!(read.groupings, ["to", "z"].map(str::to_owned).into());
}
