//! A glance at SQL text: its words and signs outside of comments, strings and quoted names.
//!
//! It is not a guard, only good for clear messages and for what a database's grammar admits although it does more than
//! read (`for update`). The guards are the databases' own.

/// Whose comments and strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `--` and nested `/* */`.
    Postgres,
    /// Also `#`, and backslashes in strings.
    Mysql,
}

/// A word (in lower case) or a sign, and the byte it begins at. Of a string or a quoted name only the quote is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) start: usize,
}

/// The words and signs of a text. A comment that MySQL or MariaDB runs (`/*!`, `/*M!`) is a token.
pub(super) fn tokens(sql: &str, dialect: Dialect) -> Vec<Token> {
    let bytes = sql.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let (length, is_token) = match byte {
            _ if byte.is_ascii_whitespace() => (1, false),
            // To MySQL `5--1` is a subtraction: only blanks make two dashes a comment.
            b'-' if rest.starts_with(b"--")
                && (dialect == Dialect::Postgres || rest.get(2).is_none_or(|b| b.is_ascii_whitespace() || b.is_ascii_control())) =>
            {
                (line_length(rest), false)
            }
            b'#' if dialect == Dialect::Mysql => (line_length(rest), false),
            b'/' if dialect == Dialect::Mysql && (rest.starts_with(b"/*!") || rest.starts_with(b"/*M!")) => (3, true),
            b'/' if rest.starts_with(b"/*") => (comment_length(rest, dialect), false),
            _ if is_quote(byte) => (quoted_length(rest, dialect), true),
            _ if is_word(byte) => (rest.iter().take_while(|b| is_word(**b)).count(), true),
            _ => (1, true),
        };
        if is_token {
            let text = if is_quote(byte) { char::from(byte).to_string() } else { sql[at..at + length].to_lowercase() };
            tokens.push(Token { text, start: at });
        }
        at += length;
    }
    tokens
}

/// The first word, before which there may be comments and parentheses.
pub(super) fn first_word(sql: &str, dialect: Dialect) -> Option<String> {
    tokens(sql, dialect).into_iter().map(|token| token.text).find(|text| text != "(")
}

/// The text without what may stand behind a single statement: semicolons, comments, space.
pub(super) fn without_end(sql: &str, dialect: Dialect) -> &str {
    let tokens = tokens(sql, dialect);
    let first = tokens.iter().rev().take_while(|token| token.text == ";").last();
    first.map_or(sql, |first| &sql[..first.start])
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'\'' | b'"' | b'`')
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'@') || !byte.is_ascii()
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
}

fn comment_length(rest: &[u8], dialect: Dialect) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") && (depth == 0 || dialect == Dialect::Postgres) {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
        } else {
            at += 1;
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted_length(rest: &[u8], dialect: Dialect) -> usize {
    let quote = rest[0];
    let has_escapes = dialect == Dialect::Mysql && quote != b'`';
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' if has_escapes => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sql: &str) -> Vec<String> {
        tokens(sql, Dialect::Mysql).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_strings_and_quoted_names_are_skipped() {
        let sql = "-- for update\nselect 'into outfile', \"a\\\"for update\", `b;` # x\n /* for update */ from t";
        assert_eq!(words(sql), ["select", "'", ",", "\"", ",", "`", "from", "t"]);
    }

    #[test]
    fn a_comment_that_runs_is_seen() {
        assert!(words("select /*!50000 1 */ 1").contains(&"/*!".to_owned()));
        assert!(words("select /*M!100000 1 */ 1").iter().any(|word| word.starts_with("/*m")));
    }

    #[test]
    fn the_first_word_stands_behind_comments_and_parentheses() {
        assert_eq!(first_word("/* a /* b */ */ ((SELECT 1))", Dialect::Postgres).as_deref(), Some("select"));
        assert_eq!(first_word(" -- nothing", Dialect::Postgres), None);
    }

    #[test]
    fn only_the_end_of_a_statement_is_cut() {
        assert_eq!(without_end("select 1; -- done", Dialect::Mysql), "select 1");
        assert_eq!(without_end("select 1 ;;\n", Dialect::Mysql), "select 1 ");
        assert_eq!(without_end("select 1; -- that's it", Dialect::Mysql), "select 1");
        assert_eq!(without_end("select 1; select 'a'", Dialect::Mysql), "select 1; select 'a'");
        assert_eq!(without_end("select ';' -- no", Dialect::Mysql), "select ';' -- no");
        assert_eq!(without_end("select 1; select 2", Dialect::Mysql), "select 1; select 2");
    }

    #[test]
    fn unfinished_text_does_not_hang_or_panic() {
        for sql in ["'", "/*", "\"\\", "`", "--", "/*!", "选'"] {
            tokens(sql, Dialect::Mysql);
            tokens(sql, Dialect::Postgres);
        }
    }
}
