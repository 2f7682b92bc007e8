//! The shape of a `change` watcher's result: which columns are watched, and what kinds of values they hold.
//!
//! A row changed when the content of a watched column did, not when its spelling did: `1.50` is `1.5`. So the digest of a
//! watched row is made of normal forms. When the shape itself changes without an edit of the watcher (a column is gone, a
//! number became a text) every row would seem to have changed: that is a fault of the watcher, not a million changes.

use crate::domain::row::{Columns, Digest, Row, differing, push_normal};
use crate::domain::value::Kind;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// The watched columns as a completed poll found them, kept with the watcher's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Name and kinds: the letters of [`Kind::code`] of the values seen so far, numbers as `n`, without NULL.
    pub columns: Vec<(String, String)>,
}

impl Shape {
    /// Whether the same columns are watched.
    pub(super) fn has_columns(&self, names: &[String]) -> bool {
        self.columns.iter().map(|(name, _)| name).eq(names)
    }
}

/// The watched columns as places in a result, and the kinds seen in them.
#[derive(Debug)]
pub(super) struct Watched {
    places: Vec<usize>,
    names: Vec<String>,
    kinds: Vec<String>,
    scratch: Vec<u8>,
}

impl Watched {
    /// Finds the watched columns: those that are named, else all but the key.
    ///
    /// # Errors
    /// The name of a column that the result does not have.
    pub fn new(named: &[String], key: &[String], columns: &Columns) -> Result<Watched, String> {
        let places: Vec<usize> = match named.is_empty() {
            false => named.iter().map(|name| columns.position(name).ok_or_else(|| name.clone())).collect::<Result<_, _>>()?,
            true => {
                let keys: Vec<_> = key.iter().filter_map(|name| columns.position(name)).collect();
                (0..columns.names().len()).filter(|at| !keys.contains(at)).collect()
            }
        };
        let names: Vec<String> = places.iter().map(|at| columns.names()[*at].clone()).collect();
        Ok(Watched { kinds: vec![String::new(); names.len()], places, names, scratch: Vec::new() })
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The digest of a row's watched content; what kinds it holds is remembered.
    pub fn digest(&mut self, row: &Row) -> Digest {
        self.scratch.clear();
        for (&at, kinds) in self.places.iter().zip(&mut self.kinds) {
            let letter = letter(row.kind(at));
            if row.kind(at) != Kind::Null && !kinds.contains(letter) {
                kinds.push(letter);
            }
            push_normal(&mut self.scratch, row, at);
        }
        Digest(xxh3_128(&self.scratch))
    }

    /// Whether two rows, which may be of results with other columns, differ in a watched column that both have.
    pub fn differ(&self, row: &Row, before: &Row) -> bool {
        !differing(row, before, &self.names).is_empty()
    }

    /// The shape after this poll, over the one before where the same columns are watched.
    ///
    /// # Errors
    /// A sentence about the first column whose values are of another type than ever before.
    pub fn shape(&self, before: Option<&Shape>) -> Result<Shape, String> {
        let of_before = |name: &String| before.and_then(|shape| shape.columns.iter().find(|(column, _)| column == name));
        let columns = self.names.iter().zip(&self.kinds).map(|(name, kinds)| {
            let known = of_before(name).map(|(_, kinds)| kinds.as_str()).unwrap_or_default();
            let is_other = !known.is_empty() && !kinds.is_empty() && !kinds.chars().any(|kind| known.contains(kind));
            if is_other {
                return Err(format!("the column `{name}` held {} and now holds {}", words(known), words(kinds)));
            }
            let more: String = kinds.chars().filter(|kind| !known.contains(*kind)).collect();
            Ok((name.clone(), format!("{known}{more}")))
        });
        Ok(Shape { columns: columns.collect::<Result<_, _>>()? })
    }
}

/// The letter of a kind; a float is a number.
fn letter(kind: Kind) -> char {
    if kind == Kind::Float { Kind::Number.code() } else { kind.code() }
}

fn words(kinds: &str) -> String {
    kinds.chars().map(|kind| Kind::from_code(kind).describe()).collect::<Vec<_>>().join(" or ")
}
