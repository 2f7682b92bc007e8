//! The reading of a poll: what is asked of the source, and what the fold makes of the answer.

use super::Engine;
use super::question::prepared;
use crate::domain::alert::Alert;
use crate::domain::cursor::{BASELINE_ROWS, CursorState, CursorValue, OpenTransactions, ReadAt};
use crate::domain::evaluate::{Basis, Evaluation, ExpectedKey, Forget, Plan, Refused, expected_cells, expected_rows};
use crate::domain::known::Known;
use crate::domain::query::{self, Param, Query, Window};
use crate::domain::row::{Columns, Fingerprint, Row};
use crate::domain::value::{Kind, parse_datetime, parse_instant, parse_number};
use crate::domain::watcher::{AlertOn, Cursor, Expect, Watcher};
use crate::source::{ColumnInfo, Horizon, Limits, RowSink, Source, SourceError};
use crate::store::{Claim, Failure, StoreError, WatcherState};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// An old transaction that keeps a cursor back for longer than this is worth a word.
const HELD_BACK_TOLD: TimeDelta = TimeDelta::hours(1);

/// How much longer than it seems the oldest transaction of InnoDB may have been open.
const HORIZON_MARGIN: Duration = Duration::from_secs(3);

/// What reading and evaluating came to.
pub(super) struct Reading {
    pub result: Result<Plan, Failure>,
    pub rows: u64,
    pub duration: Duration,
    /// How far an incremental watcher has read now.
    pub cursor: Option<CursorState>,
    /// From where it read: column and value.
    pub reads_from: Option<(String, String)>,
    pub warnings: Vec<String>,
}

/// Rows of one key that are looked for while a result is read.
#[derive(Default)]
pub(super) struct Spy {
    /// Columns with the text that is wanted; empty: none is looked for.
    pub wanted: Vec<(String, String)>,
    /// What was found; at most [`MOST_SPIED`].
    pub rows: Vec<Row>,
}

/// Rows of one key that are kept to be shown.
const MOST_SPIED: usize = 20;

impl Spy {
    fn see(&mut self, row: &Row) {
        let is_it = |(column, value): &(String, String)| {
            let at = row.columns().position(column);
            at.is_some_and(|at| row.text(at).map_or(value == "NULL", |text| text == value.as_str()))
        };
        if !self.wanted.is_empty() && self.rows.len() < MOST_SPIED && self.wanted.iter().all(is_it) {
            self.rows.push(row.clone());
        }
    }
}

/// What a poll of an incremental watcher asks for.
struct Incremental<'w> {
    cursor: &'w Cursor,
    window: Window,
    /// The value of `:cursor`, where the query names it.
    by_hand: Option<Param>,
    /// How many rows a first poll asks for.
    asked: Option<u64>,
    is_reconciling: bool,
}

impl Incremental<'_> {
    fn reads_from(&self) -> Option<(String, String)> {
        let value = match (&self.window, &self.by_hand) {
            (Window::From { value, .. }, _) => value,
            (_, Some(value)) => value,
            _ => return None,
        };
        let Param::Cursor(value) = value else { return None };
        Some((self.cursor.column.clone(), value.text.clone()))
    }
}

impl Reading {
    pub(super) fn nothing() -> Reading {
        Reading { result: Err(no_source()), rows: 0, duration: Duration::ZERO, cursor: None, reads_from: None, warnings: Vec::new() }
    }
}

impl Engine {
    /// Reads a watcher's query and evaluates its rows against what is known. Writes nothing.
    pub(super) async fn read(&self, watcher: &Arc<Watcher>, claim: &Claim, known: &Known, limits: Limits, now: DateTime<Utc>) -> Reading {
        self.read_spying(watcher, claim, known, limits, now, &mut Spy::default()).await
    }

    /// The same, with an eye on the rows of one key.
    pub(super) async fn read_spying(
        &self,
        watcher: &Arc<Watcher>,
        claim: &Claim,
        known: &Known,
        limits: Limits,
        now: DateTime<Utc>,
        spy: &mut Spy,
    ) -> Reading {
        let started = std::time::Instant::now();
        let mut reading = Reading::nothing();
        if let Some(source) = self.parts().sources.get(&watcher.source) {
            reading.result = self.read_from(source, watcher, claim, known, limits, now, &mut reading, spy).await;
        }
        reading.duration = started.elapsed();
        reading
    }

    #[allow(clippy::too_many_arguments)] // each is a different thing that one reading needs
    async fn read_from(
        &self,
        source: &Source,
        watcher: &Arc<Watcher>,
        claim: &Claim,
        known: &Known,
        limits: Limits,
        now: DateTime<Utc>,
        reading: &mut Reading,
        spy: &mut Spy,
    ) -> Result<Plan, Failure> {
        let state = &claim.state;
        let expected = expected(source, watcher, state, &limits, now).await?;
        let incremental = match watcher.cursor() {
            Some(cursor) => Some(self.incremental(source, watcher, cursor, state, &limits, now).await?),
            None => None,
        };
        let (basis, query) = prepare(watcher, state, known, expected.as_deref(), incremental.as_ref(), now);
        reading.reads_from = incremental.as_ref().and_then(Incremental::reads_from);
        let mut sink = Sink { evaluation: Evaluation::new(basis), rows: 0, spy };
        let read = source.read(&query, &limits, &mut sink).await;
        reading.rows = sink.rows;
        let stats = read.map_err(failure)?;
        let wanted = sink.evaluation.wants();
        let stored = self.stored(wanted).await?;
        let plan = sink.evaluation.finish(&stored).map_err(refused)?;
        if let (Some(incremental), Some(seen)) = (&incremental, &plan.cursor) {
            let read = ReadAt { began: now, ended: self.parts().clock.now(), open: open_transactions(stats.horizon) };
            let overlap = incremental.cursor.overlap;
            let next = match state.cursor.as_ref().filter(|before| before.column == incremental.cursor.column) {
                Some(before) => {
                    reading.warnings.extend(held_back(before, read, overlap));
                    before.advance(seen, read, overlap, true)
                }
                None => CursorState::begin(&incremental.cursor.column, seen, incremental.asked, read),
            };
            // Without reconciliations the keys below the bound are forgotten: one that is asked for later begins there.
            let begins_anew = incremental.is_reconciling || incremental.cursor.reconcile.is_none();
            reading.cursor = Some(if begins_anew { next.reconciled(now) } else { next });
        }
        Ok(plan)
    }

    async fn stored(&self, wanted: Vec<Fingerprint>) -> Result<HashMap<Fingerprint, Alert>, Failure> {
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        self.parts().store.alerts_of(wanted).await.map_err(store_failed)
    }

    async fn incremental<'w>(
        &self,
        source: &Source,
        watcher: &Watcher,
        cursor: &'w Cursor,
        state: &WatcherState,
        limits: &Limits,
        now: DateTime<Utc>,
    ) -> Result<Incremental<'w>, Failure> {
        let column = self.cursor_column(source, watcher, cursor, now).await?;
        let before = state.cursor.as_ref().filter(|before| before.column == cursor.column);
        let is_reconciling = before.is_some_and(|before| reconciliation_is_due(cursor, before, now));
        let bound = before.and_then(|before| if is_reconciling { before.reconciled_from.as_ref() } else { before.bound.as_ref() });
        let bound = bound.map(|bound| as_param(bound, &column));
        if Query::uses(&watcher.query, "cursor", source.dialect()) {
            let start = || start_value(cursor.start.as_deref().unwrap_or_default(), &column);
            return Ok(Incremental {
                cursor,
                window: Window::Whole,
                by_hand: Some(bound.unwrap_or_else(start)),
                asked: None,
                is_reconciling,
            });
        }
        let AlertOn::New { alert_on_first_poll, .. } = watcher.alert_on else { return Err(no_source()) };
        let is_first = before.is_none() && !(alert_on_first_poll && state.baseline_at.is_none());
        let rows = BASELINE_ROWS.min(limits.max_rows);
        let window = match bound {
            Some(value) => Window::From { column: column.name.clone(), value },
            None if is_first => Window::Latest { column: column.name.clone(), rows },
            None => Window::Whole,
        };
        Ok(Incremental { cursor, window, by_hand: None, asked: is_first.then_some(rows), is_reconciling })
    }

    /// The cursor's column: asked for once, as long as the query stays the same.
    pub(super) async fn cursor_column(
        &self,
        source: &Source,
        watcher: &Watcher,
        cursor: &Cursor,
        now: DateTime<Utc>,
    ) -> Result<ColumnInfo, Failure> {
        let name = (watcher.source.clone(), watcher.query.clone(), cursor.column.clone());
        if let Some(known) = self.cursor_columns().get(&name) {
            return Ok(known.clone());
        }
        let columns = prepared(source, watcher, now).await.map_err(failure)?;
        let found = columns.iter().find(|column| column.name == cursor.column);
        let found = found.or_else(|| columns.iter().find(|column| column.name.eq_ignore_ascii_case(&cursor.column)));
        let Some(column) = found else {
            let has = columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Failure {
                kind: "columns".into(),
                message: format!("the cursor column `{}` is not in the result, which has: {has}", cursor.column),
            });
        };
        if let Some(kind) = column.kind.filter(|kind| !CursorValue::can_be_ordered(*kind, source.dialect())) {
            let message = format!(
                "the cursor column `{}` holds {}, whose order is not known here: use a number or a time",
                column.name,
                kind.describe()
            );
            return Err(Failure { kind: "columns".into(), message });
        }
        self.cursor_columns().insert(name, column.clone());
        Ok(column.clone())
    }
}

fn prepare<'a>(
    watcher: &'a Watcher,
    state: &'a WatcherState,
    known: &'a Known,
    expected: Option<&'a [ExpectedKey]>,
    incremental: Option<&Incremental<'_>>,
    now: DateTime<Utc>,
) -> (Basis<'a>, Query) {
    let is_rekeyed = state.key.as_ref().is_some_and(|key| *key != watcher.key)
        || state.alert_on.as_ref().is_some_and(|word| word != watcher.alert_on.as_str());
    let was_incremental = state.cursor.as_ref().map(|cursor| cursor.column.as_str());
    // Keys that a cursor has passed are not known any more: without it they must not seem to be new.
    let reads_otherwise = was_incremental.is_some() && was_incremental != watcher.cursor().map(|cursor| cursor.column.as_str());
    let basis = Basis {
        watcher,
        identity: state.identity(),
        known,
        same_revision: state.revision.as_deref() == Some(watcher.revision().as_str()),
        is_first: state.baseline_at.is_none(),
        has_baseline: state.baseline_at.is_some() && !is_rekeyed && !reads_otherwise,
        is_rekeyed: is_rekeyed && state.baseline_at.is_some(),
        shape: state.shape.as_ref(),
        expected,
        last_report: state.last_report.as_ref(),
        forget: incremental.and_then(|incremental| forget(incremental, state, now)),
        usual_bound: state
            .cursor
            .as_ref()
            .filter(|_| incremental.is_some_and(|incremental| incremental.is_reconciling))
            .and_then(|cursor| cursor.bound.as_ref()),
        now,
    };
    let mut query = params(Query::plain(&watcher.query), watcher, Some(state), now);
    if let Some(incremental) = incremental {
        query = query.within(incremental.window.clone()).with_horizon();
        if let Some(value) = &incremental.by_hand {
            query = query.with("cursor", value.clone());
        }
    }
    (basis, query)
}

/// Keys of an incremental watcher need not be known below where its reads begin. With a reconciliation that is known when
/// one is made: it reads from further below, and the next one begins no lower than this poll's bound.
fn forget<'a>(incremental: &Incremental<'_>, state: &'a WatcherState, now: DateTime<Utc>) -> Option<Forget<'a>> {
    let cursor = incremental.cursor;
    let reads_all = incremental.is_reconciling || cursor.reconcile.is_none();
    let before = now.checked_sub_signed(TimeDelta::from_std(cursor.overlap * 2).ok()?)?;
    let below = state.cursor.as_ref().filter(|known| reads_all && known.column == cursor.column)?.bound.as_ref()?;
    Some(Forget { before, below })
}

/// The values of the names in a watcher's query, but for `:cursor`.
pub(super) fn params(query: Query, watcher: &Watcher, state: Option<&WatcherState>, now: DateTime<Utc>) -> Query {
    let last_poll = state.and_then(|state| state.last_poll_at).unwrap_or(now);
    let query = query.with("now", Param::Instant(now)).with("last_poll", Param::Instant(last_poll));
    watcher.params.iter().fold(query, |query, (name, value)| query.with(name.clone(), value.clone()))
}

fn reconciliation_is_due(cursor: &Cursor, state: &CursorState, now: DateTime<Utc>) -> bool {
    let next = cursor.reconcile.as_ref().zip(state.reconciled_at).and_then(|(schedule, last)| schedule.next_after(last));
    next.is_some_and(|next| next <= now)
}

fn as_param(value: &CursorValue, column: &ColumnInfo) -> Param {
    Param::Cursor(query::CursorValue {
        text: value.text.clone(),
        kind: Kind::from_code(value.kind),
        type_name: Some(column.type_name.clone()),
    })
}

/// The value of `cursor_start`: of the column's kind, where the database tells it.
pub(super) fn start_value(text: &str, column: &ColumnInfo) -> Param {
    let guess = || match () {
        () if parse_number(text).is_some() => Kind::Number,
        () if parse_instant(text).is_some() => Kind::Instant,
        () if parse_datetime(text).is_some() => Kind::DateTime,
        () if NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() => Kind::Date,
        () => Kind::Text,
    };
    let kind = column.kind.unwrap_or_else(guess);
    Param::Cursor(query::CursorValue { text: text.to_owned(), kind, type_name: Some(column.type_name.clone()) })
}

fn open_transactions(horizon: Option<Horizon>) -> OpenTransactions {
    match horizon {
        Some(Horizon::Transactions { xmin, xmax }) => OpenTransactions::Snapshot { xmin, xmax },
        // It counts whole seconds.
        Some(Horizon::Oldest { age }) => OpenTransactions::Oldest(age.map(|age| age + HORIZON_MARGIN)),
        Some(Horizon::Unclear) => OpenTransactions::Unclear,
        Some(Horizon::Hidden) | None => OpenTransactions::Unknown,
    }
}

fn held_back(state: &CursorState, read: ReadAt, overlap: Duration) -> Option<String> {
    let held = state.held_back(read, overlap).filter(|held| *held >= HELD_BACK_TOLD)?;
    let minutes = held.num_minutes();
    Some(format!(
        "a transaction that has been open for a long time keeps the cursor back by {minutes} min: each poll reads that much again"
    ))
}

/// What a `missing` watcher waits for; `None` where any row will do.
async fn expected(
    source: &Source,
    watcher: &Watcher,
    state: &WatcherState,
    limits: &Limits,
    now: DateTime<Utc>,
) -> Result<Option<Vec<ExpectedKey>>, Failure> {
    let AlertOn::Missing { expect } = &watcher.alert_on else { return Ok(None) };
    match expect {
        Expect::AnyRow => Ok(None),
        Expect::Keys(cells) => {
            expected_cells(watcher, state.identity(), cells).map(Some).map_err(|message| Failure { kind: "config".into(), message })
        }
        Expect::Query(text) => {
            let mut gathered = Gathered::default();
            let query = params(Query::plain(text), watcher, Some(state), now);
            source.read(&query, limits, &mut gathered).await.map_err(|error| {
                let Failure { kind, message } = failure(error);
                Failure { kind, message: format!("expect_query: {message}") }
            })?;
            let columns = gathered.columns.unwrap_or_else(Columns::none);
            let keys = expected_rows(watcher, state.identity(), &columns, &gathered.rows);
            keys.map(Some).map_err(|name| {
                let has = columns.names().join(", ");
                Failure {
                    kind: "columns".into(),
                    message: format!("expect_query: the key column `{name}` is not in its result, which has: {has}"),
                }
            })
        }
    }
}

/// Feeds the fold; it holds nothing but the marks of the rows it has seen.
struct Sink<'a, 's> {
    evaluation: Evaluation<'a>,
    rows: u64,
    spy: &'s mut Spy,
}

impl RowSink for Sink<'_, '_> {
    fn columns(&mut self, columns: &Arc<Columns>) -> Result<(), String> {
        self.evaluation.columns(columns)
    }

    fn row(&mut self, row: &Row) -> Result<(), String> {
        self.rows += 1;
        self.spy.see(row);
        self.evaluation.row(row);
        Ok(())
    }
}

/// Keeps the rows of a small result.
#[derive(Default)]
struct Gathered {
    columns: Option<Arc<Columns>>,
    rows: Vec<Row>,
}

impl RowSink for Gathered {
    fn columns(&mut self, columns: &Arc<Columns>) -> Result<(), String> {
        self.columns = Some(columns.clone());
        Ok(())
    }

    fn row(&mut self, row: &Row) -> Result<(), String> {
        self.rows.push(row.clone());
        Ok(())
    }
}

pub(super) fn no_source() -> Failure {
    Failure { kind: "config".into(), message: "the source is not in the settings".into() }
}

pub(super) fn failure(error: SourceError) -> Failure {
    Failure { kind: error.kind.as_str().into(), message: error.to_string() }
}

fn refused(refused: Refused) -> Failure {
    let hint = if refused.kind == "schema" { "; if that is right, edit the watcher" } else { "" };
    Failure { kind: refused.kind.into(), message: format!("{}{hint}", refused.message) }
}

pub(super) fn store_failed(error: StoreError) -> Failure {
    Failure { kind: "store".into(), message: error.to_string() }
}
