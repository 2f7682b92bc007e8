//! `like`: `%` is any text, `_` one character, and the escape character (a backslash, unless `escape` says otherwise)
//! takes the next one literally.

/// A pattern, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Piece>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    AnyText,
    AnyChar,
    Char(char),
}

impl Pattern {
    /// Reads a pattern; `None` when it ends with the escape character.
    pub fn read(text: &str, escape: Option<char>, fold_case: bool) -> Option<Pattern> {
        let mut pieces = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                c if Some(c) == escape => push_literal(&mut pieces, chars.next()?, fold_case),
                '%' if pieces.last() == Some(&Piece::AnyText) => {}
                '%' => pieces.push(Piece::AnyText),
                '_' => pieces.push(Piece::AnyChar),
                c => push_literal(&mut pieces, c, fold_case),
            }
        }
        Some(Pattern(pieces))
    }

    /// Whether a text matches. A text to be matched without case must be in lower case already.
    ///
    /// Only the last `%` is ever tried again, so the cost is at most the product of both lengths.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut at, mut piece) = (0, 0);
        let mut last_any: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.0.get(piece) {
                Some(Piece::AnyText) => {
                    last_any = Some((piece + 1, at));
                    piece += 1;
                }
                Some(Piece::AnyChar) => (at, piece) = (at + 1, piece + 1),
                Some(Piece::Char(c)) if *c == text[at] => (at, piece) = (at + 1, piece + 1),
                _ => match last_any.as_mut() {
                    Some((after, from)) => {
                        *from += 1;
                        (piece, at) = (*after, *from);
                    }
                    None => return false,
                },
            }
        }
        self.0[piece..].iter().all(|rest| *rest == Piece::AnyText)
    }
}

fn push_literal(pieces: &mut Vec<Piece>, c: char, fold_case: bool) {
    if fold_case {
        pieces.extend(c.to_lowercase().map(Piece::Char));
    } else {
        pieces.push(Piece::Char(c));
    }
}
