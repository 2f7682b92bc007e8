//! The wall around a query on SQLite, made of the library's own means that sqlx does not offer: the authorizer, and the
//! compiler's word on whether the text is one statement that only reads. The only unsafe code of the program.
#![allow(unsafe_code)]

use super::error::{char_position, named_position};
use super::sqlite_params::{Bound, nothing_fills};
use super::{SourceError, SourceErrorKind};
use crate::domain::sql_text::{Dialect, statement_end};
use libsqlite3_sys as ffi;
use sqlx::sqlite::LockedSqliteHandle;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

/// Virtual tables (full-text search) look at this harmless pragma when they are read.
const ALLOWED_PRAGMA: &CStr = c"data_version";
/// The one function of SQLite's own that does more than compute.
const DENIED_FUNCTION: &CStr = c"load_extension";

/// The longest text or blob that SQLite may make on the way: twice a row, since a blob doubles when it is shown.
const MAX_VALUE_BYTES: c_int = 2 * super::MAX_ROW_BYTES as c_int;

/// From now on the connection can only read: no writing, ATTACH, PRAGMA, VACUUM, temporary table.
pub(super) fn allow_only_reading(handle: &mut LockedSqliteHandle<'_>) -> Result<(), SourceError> {
    // SAFETY: the handle is locked, so no other thread uses the connection; `authorize` is a plain function that
    // outlives it and ignores its user data.
    let code = unsafe { ffi::sqlite3_set_authorizer(handle.as_raw_handle().as_ptr(), Some(authorize), ptr::null_mut()) };
    // SAFETY: as above. The limit keeps a single function from filling the memory, or running long between two looks at
    // the time limit.
    unsafe { ffi::sqlite3_limit(handle.as_raw_handle().as_ptr(), ffi::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES) };
    if code == ffi::SQLITE_OK {
        return Ok(());
    }
    Err(SourceError::new(SourceErrorKind::Connect, format!("SQLite did not take the read-only guard (code {code})")))
}

unsafe extern "C" fn authorize(
    _: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    _: *const c_char,
    _: *const c_char,
) -> c_int {
    // SAFETY: SQLite passes null or a string that ends in NUL and lives for the call.
    let is = |text: *const c_char, word: &CStr| {
        !text.is_null() && unsafe { CStr::from_ptr(text) }.to_bytes().eq_ignore_ascii_case(word.to_bytes())
    };
    let allowed = match action {
        ffi::SQLITE_SELECT | ffi::SQLITE_READ | ffi::SQLITE_RECURSIVE => true,
        // Our own: a query with such a statement has no columns and is refused.
        ffi::SQLITE_TRANSACTION => true,
        ffi::SQLITE_FUNCTION => !is(second, DENIED_FUNCTION),
        ffi::SQLITE_PRAGMA => is(first, ALLOWED_PRAGMA) && second.is_null(),
        _ => false,
    };
    if allowed { ffi::SQLITE_OK } else { ffi::SQLITE_DENY }
}

/// What the compiler says of a query.
#[derive(Debug)]
pub(super) struct Compiled {
    /// Name and declared type of each column.
    pub(super) columns: Vec<(String, String)>,
}

/// Compiles a query without running it, and refuses all that is not one reading statement. Places are told in the DBA's
/// text.
pub(super) fn compile(handle: &mut LockedSqliteHandle<'_>, text: &str, bound: &Bound) -> Result<Compiled, SourceError> {
    if text.contains('\0') {
        return Err(SourceError::not_a_query("the query contains a NUL character"));
    }
    let db = handle.as_raw_handle().as_ptr();
    let (statement, used) = prepare(db, text, bound, 0)?;
    let Some(statement) = statement else {
        return Err(SourceError::not_a_query("the query is empty"));
    };
    let (second, _) = prepare(db, text, bound, used)?;
    if second.is_some() {
        return Err(SourceError::not_a_query("the query is more than one statement").at(place(text, bound, used)));
    }
    statement.inspect(bound)
}

/// Compiles what begins at a byte of the statement; gives the statement (none when only space and comments are left) and
/// the byte after it.
fn prepare(db: *mut ffi::sqlite3, text: &str, bound: &Bound, from: usize) -> Result<(Option<Statement>, usize), SourceError> {
    let rest = bound.statement.sql.as_bytes().get(from..).unwrap_or_default();
    let length = c_int::try_from(rest.len()).map_err(|_| SourceError::not_a_query("the query is too long"))?;
    let mut statement = ptr::null_mut();
    let mut tail = ptr::null();
    // SAFETY: `db` is open and locked by the caller; `rest` is `length` bytes that live for the call; the two out
    // pointers are ours. `tail` points into `rest` when it is set.
    let (code, used) = unsafe {
        let code = ffi::sqlite3_prepare_v3(db, rest.as_ptr().cast(), length, 0, &mut statement, &mut tail);
        let used = if tail.is_null() { rest.len() } else { tail.cast::<u8>().offset_from(rest.as_ptr()).unsigned_abs() };
        (code, used)
    };
    if code == ffi::SQLITE_OK {
        let statement = (!statement.is_null()).then_some(Statement(statement));
        return Ok((statement, from + used));
    }
    Err(compile_error(db, code, text, bound, from))
}

fn place(text: &str, bound: &Bound, byte: usize) -> Option<usize> {
    bound.statement.origin(byte).and_then(|origin| char_position(text, origin.byte))
}

fn compile_error(db: *mut ffi::sqlite3, code: c_int, text: &str, bound: &Bound, from: usize) -> SourceError {
    // SAFETY: `db` is open and locked; the message is copied at once.
    let (message, offset) = unsafe { (string(ffi::sqlite3_errmsg(db)), ffi::sqlite3_error_offset(db)) };
    let byte = usize::try_from(offset).ok().map(|offset| from + offset);
    let is_end = byte.and_then(|byte| bound.statement.origin(byte)).is_some_and(|origin| origin.is_end);
    let position = byte.and_then(|byte| place(text, bound, byte));
    match code & 0xff {
        ffi::SQLITE_AUTH if from > 0 => SourceError::not_a_query("the query is more than one statement"),
        ffi::SQLITE_AUTH => SourceError::not_a_query(format!("the query does more than read: {message}")),
        // What stands there in the statement is ours.
        ffi::SQLITE_ERROR if message == "incomplete input" || (is_end && message.ends_with("syntax error")) => {
            let end = char_position(text, statement_end(text, Dialect::Sqlite));
            SourceError::new(SourceErrorKind::Sql, "syntax error at the end of the query").at(end)
        }
        ffi::SQLITE_ERROR => {
            let named = || message.strip_prefix("no such table: ").and_then(|name| named_position(text, name, Dialect::Sqlite));
            SourceError::new(SourceErrorKind::Sql, &message).at(position.or_else(named))
        }
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => {
            SourceError::new(SourceErrorKind::Timeout, message).hint("another program holds the file's lock")
        }
        _ => SourceError::new(SourceErrorKind::Interrupted, message),
    }
}

/// A compiled statement, released when dropped; lives only while the handle is locked.
struct Statement(*mut ffi::sqlite3_stmt);

impl Statement {
    fn inspect(&self, bound: &Bound) -> Result<Compiled, SourceError> {
        // SAFETY: the statement is alive and its connection is locked; indexes are below their counts; texts are copied
        // at once.
        unsafe {
            let parameters = ffi::sqlite3_bind_parameter_count(self.0);
            // A `?` has no name.
            let name = |at| string(ffi::sqlite3_bind_parameter_name(self.0, at));
            if (1..=parameters).any(|at| !bound.fills(&name(at))) {
                return Err(nothing_fills());
            }
            let count = ffi::sqlite3_column_count(self.0);
            if ffi::sqlite3_stmt_readonly(self.0) == 0 || count == 0 || ffi::sqlite3_stmt_isexplain(self.0) != 0 {
                return Err(SourceError::not_a_query("the statement is not a query"));
            }
            let column = |at| (string(ffi::sqlite3_column_name(self.0, at)), string(ffi::sqlite3_column_decltype(self.0, at)));
            Ok(Compiled { columns: (0..count).map(column).collect() })
        }
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a successful prepare and is released only here.
        unsafe { ffi::sqlite3_finalize(self.0) };
    }
}

/// Copies a C string; null is the empty text.
///
/// # Safety
/// `pointer` is null or points to a string that ends in NUL.
unsafe fn string(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}
