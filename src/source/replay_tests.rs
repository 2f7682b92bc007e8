use super::*;
use crate::domain::query::CursorValue as QueryCursor;
use std::time::Duration;

const LIMITS: Limits = Limits { timeout: Duration::from_secs(1), max_rows: 4 };

#[derive(Default)]
struct Texts(Vec<String>);

impl RowSink for Texts {
    fn columns(&mut self, columns: &Arc<Columns>) -> Result<(), String> {
        self.0.push(columns.names().join(","));
        Ok(())
    }

    fn row(&mut self, row: &Row) -> Result<(), String> {
        self.0.push(row.text(0).unwrap_or("NULL".into()).into_owned());
        Ok(())
    }
}

fn answer(ids: &[Option<&str>]) -> Answer {
    let columns = Columns::new(vec!["id".to_owned()]).unwrap();
    let rows = ids.iter().map(|id| Row::from_cells(columns.clone(), [(Kind::Number, *id)])).collect();
    Answer { columns, rows, failure: None }
}

fn read(query: &Query, answer: Answer) -> (Result<ReadStats, SourceError>, Vec<String>) {
    let replay = Replay::default();
    replay.give("select id from t", answer);
    let mut texts = Texts::default();
    let read = replay.read(query, &LIMITS, &mut texts);
    (read, texts.0)
}

fn query(window: Window) -> Query {
    Query::plain("select id from t").within(window)
}

#[test]
fn a_query_is_answered_with_the_rows_that_were_given_for_it() {
    let (read, texts) = read(&query(Window::Whole), answer(&[Some("1"), None]));
    assert_eq!((read.unwrap().rows, texts), (2, vec!["id".to_owned(), "1".into(), "NULL".into()]));
    let other = Replay::default().read(&Query::plain("select 2"), &LIMITS, &mut Texts::default());
    assert_eq!(other.unwrap_err().kind, SourceErrorKind::Sql);
}

#[test]
fn a_window_is_cut_as_a_database_cuts_it() {
    let rows = [Some("9"), Some("10"), None, Some("11"), Some("10")];
    let from = |text: &str| {
        let value = QueryCursor { text: text.into(), kind: Kind::Number, type_name: None };
        Window::From { column: "id".into(), value: Param::Cursor(value) }
    };
    assert_eq!(read(&query(from("10.0")), answer(&rows)).1, ["id", "10", "NULL", "11", "10"]);
    assert_eq!(read(&query(from("12")), answer(&rows)).1, ["id", "NULL"]);
    let latest = |rows| Window::Latest { column: "id".into(), rows };
    assert_eq!(read(&query(latest(2)), answer(&rows)).1, ["id", "10", "NULL", "11", "10"]);
    assert_eq!(read(&query(latest(2)), answer(&[None])).1, ["id", "NULL"]);
}

#[test]
fn limits_and_failures_end_a_read_as_they_do_elsewhere() {
    let (too_many, _) = read(&query(Window::Whole), answer(&[Some("1"); 5]));
    assert_eq!(too_many.unwrap_err().kind, SourceErrorKind::MaxRows);
    let broken = Answer { failure: Some((SourceErrorKind::Interrupted, "cut".into())), ..answer(&[Some("1")]) };
    let (read, texts) = read(&query(Window::Whole), broken);
    assert_eq!((read.unwrap_err().kind, texts), (SourceErrorKind::Interrupted, vec!["id".to_owned(), "1".into()]));
}
