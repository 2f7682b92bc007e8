//! The plan of a query on SQLite, from EXPLAIN QUERY PLAN.
//!
//! It names a table as the query does, so aliases are looked up in the texts of the query and of the views; a scan of
//! what is no table (a subquery, a series) is no note. How many rows a table has is what ANALYZE has written down, else
//! the distance of its first and last rowid, which costs two steps in its index.

use super::SourceError;
use super::plan::{PlanNote, add_scan};
use super::sqlite::read_error;
use super::sqlite_params::Bound;
use crate::domain::query::LAST;
use crate::domain::sql_text::{Dialect, TokenSort, tokens};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Executor, Row as _};

/// What the file has: the tables' names, and the views' texts.
struct Schema {
    tables: Vec<String>,
    views: Vec<String>,
}

pub(super) async fn explain(connection: &mut SqliteConnection, text: &str, bound: &Bound) -> Result<Vec<PlanNote>, SourceError> {
    let statement = format!("explain query plan {}", bound.statement.sql);
    let explain = bound.apply(sqlx::query(AssertSqlSafe(statement))).persistent(false);
    let steps = connection.fetch_all(explain).await.map_err(|error| read_error(&error))?;
    let schema = schema(connection).await?;
    let steps: Vec<Step> = steps.iter().map(step).collect::<Result<_, _>>().map_err(|error| read_error(&error))?;
    let mut notes = Vec::new();
    for step in steps.iter().filter(|step| !is_last(step, &steps)) {
        let Some(table) = scanned(&step.detail).and_then(|name| schema.table_of(name, text)) else { continue };
        let rows = size(connection, &schema, table).await;
        add_scan(&mut notes, table.to_owned(), "SCAN", rows);
    }
    Ok(notes)
}

/// A step of a plan; steps are parts of each other.
struct Step {
    id: i64,
    parent: i64,
    detail: String,
}

fn step(row: &SqliteRow) -> Result<Step, sqlx::Error> {
    Ok(Step { id: row.try_get("id")?, parent: row.try_get("parent")?, detail: row.try_get("detail")? })
}

/// Whether a step finds the last values of a window. In the order of the rowid that is a SCAN too, which ends early; if
/// there is no such order, the rest of the statement scans as well.
fn is_last(step: &Step, steps: &[Step]) -> bool {
    let parent = steps.iter().find(|parent| parent.id == step.parent);
    parent.is_some_and(|parent| parent.detail.ends_with(LAST) || is_last(parent, steps))
}

async fn schema(connection: &mut SqliteConnection) -> Result<Schema, SourceError> {
    let rows = connection.fetch_all("select type, name, sql from sqlite_master where type in ('table', 'view')").await;
    let rows = rows.map_err(|error| read_error(&error))?;
    let read = |row: &SqliteRow| Ok::<(String, String, Option<String>), sqlx::Error>((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    let entries: Vec<_> = rows.iter().map(read).collect::<Result<_, _>>().map_err(|error| read_error(&error))?;
    let (tables, views): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(sort, ..)| sort == "table");
    Ok(Schema {
        tables: tables.into_iter().map(|(_, name, _)| name).collect(),
        views: views.into_iter().filter_map(|(.., sql)| sql).collect(),
    })
}

/// The name in a step that reads all of something: `SCAN orders USING INDEX …`.
fn scanned(detail: &str) -> Option<&str> {
    let rest = detail.strip_prefix("SCAN ")?;
    let name = rest.split(" USING ").next()?;
    (!rest.contains("CONSTANT ROW") && !rest.contains(" VIRTUAL TABLE ")).then_some(name)
}

impl Schema {
    /// The table that a name means in a query.
    fn table_of(&self, name: &str, text: &str) -> Option<&str> {
        let texts = std::iter::once(text).chain(self.views.iter().map(String::as_str));
        self.table(name).or_else(|| texts.filter_map(|text| self.aliased(name, text)).next())
    }

    fn table(&self, name: &str) -> Option<&str> {
        self.tables.iter().find(|table| table.eq_ignore_ascii_case(name)).map(String::as_str)
    }

    /// The table before an alias: `orders o`, `orders as o`.
    fn aliased(&self, alias: &str, text: &str) -> Option<&str> {
        let tokens = tokens(text, Dialect::Sqlite);
        let names: Vec<&str> = tokens
            .iter()
            .filter(|token| token.text != "as")
            .map(|token| match token.sort {
                TokenSort::Quoted => text[token.span.clone()].trim_matches(['"', '`', '\'', '[', ']']),
                _ => &text[token.span.clone()],
            })
            .collect();
        names.windows(2).filter(|pair| pair[1].eq_ignore_ascii_case(alias)).find_map(|pair| self.table(pair[0]))
    }
}

/// What is not known is not told: a table may have no rowid.
async fn size(connection: &mut SqliteConnection, schema: &Schema, table: &str) -> Option<u64> {
    if schema.table("sqlite_stat1").is_some()
        && let Ok(Some(row)) =
            connection.fetch_optional(sqlx::query("select stat from sqlite_stat1 where tbl = ? limit 1").bind(table.to_owned())).await
        && let Some(rows) = row.try_get::<String, _>(0).ok().and_then(|stat| stat.split(' ').next()?.parse().ok())
    {
        return Some(rows);
    }
    let quoted = format!("\"{}\"", table.replace('"', "\"\""));
    let range = format!("select (select max(_rowid_) from {quoted}) - (select min(_rowid_) from {quoted}) + 1");
    let row = connection.fetch_one(sqlx::query(AssertSqlSafe(range)).persistent(false)).await.ok()?;
    row.try_get::<Option<i64>, _>(0).ok()?.map_or(Some(0), |rows| u64::try_from(rows).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_what_is_scanned_is_found() {
        for (detail, name) in [
            ("SCAN orders", Some("orders")),
            ("SCAN my orders USING COVERING INDEX a", Some("my orders")),
            ("SEARCH orders USING INDEX a (x=?)", None),
            ("SCAN CONSTANT ROW", None),
            ("SCAN 2 CONSTANT ROWS", None),
            ("SCAN json_each VIRTUAL TABLE INDEX 1:", None),
            ("MULTI-INDEX OR", None),
        ] {
            assert_eq!(scanned(detail), name);
        }
    }

    #[test]
    fn an_alias_is_looked_up_in_the_query_and_in_the_views() {
        let schema =
            Schema { tables: vec!["Orders".into(), "订单".into()], views: vec!["create view v as select * from 订单 d".into()] };
        let text = "select 'orders x' from orders as \"o 1\", (select 1 as n) s join [订单] z";
        for (name, table) in [
            ("orders", Some("Orders")),
            ("o 1", Some("Orders")),
            ("Z", Some("订单")),
            ("d", Some("订单")),
            ("x", None),
            ("s", None),
            ("n", None),
        ] {
            assert_eq!(schema.table_of(name, text), table, "{name}");
        }
    }
}
