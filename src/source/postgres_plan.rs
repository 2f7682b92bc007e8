//! The plan of a query on PostgreSQL. The size of a table is the server's own count from its last ANALYZE, which every
//! account may see; a partition counts for its table.

use super::plan::PlanNote;
use super::postgres_params::Bound;
use super::{SourceError, postgres_error};
use serde_json::Value;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Executor, Row as _};

/// With `declare` the grammar admits one reading query only, as for a read.
const EXPLAIN: &str = "explain (format json, verbose) declare rowbell_cursor no scroll cursor for ";

/// Before its first ANALYZE, a table has -1 rows (0 rows in 0 pages on old servers).
const SIZES: &str = "
select coalesce(pn.nspname, n.nspname)::text, coalesce(p.relname, c.relname)::text,
  case when c.reltuples > 0 or (c.reltuples = 0 and c.relpages > 0) then c.reltuples::float8 end
from unnest($1::text[], $2::text[]) with ordinality as s(schema_name, table_name, place)
left join pg_catalog.pg_namespace n on n.nspname = s.schema_name
left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = s.table_name
left join pg_catalog.pg_inherits i on i.inhrelid = c.oid and c.relispartition
left join pg_catalog.pg_class p on p.oid = i.inhparent
left join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
order by s.place";

/// A table that the plan reads as a whole.
#[derive(Clone, Debug, PartialEq)]
struct Scan {
    schema: String,
    table: String,
    access: String,
    /// The planner's estimate of its rows, where it takes all of them.
    rows: Option<u64>,
}

pub(super) async fn explain(connection: &mut PgConnection, text: &str, bound: &Bound) -> Result<Vec<PlanNote>, SourceError> {
    let statement = AssertSqlSafe(format!("{EXPLAIN}{}", bound.statement.sql));
    let explain = bound.values.iter().fold(sqlx::query(statement), |query, value| query.bind(value)).persistent(false);
    let row = connection.fetch_one(explain).await;
    let row = row.map_err(|error| postgres_error::declaring(&error, text, &bound.statement, EXPLAIN.len()))?;
    let plan = row.try_get_raw(0).map_err(|error| postgres_error::reading(&error))?;
    let plan: Value = plan.as_bytes().ok().and_then(|json| serde_json::from_slice(json).ok()).unwrap_or_default();
    let top = &plan[0]["Plan"];
    let mut scans = Vec::new();
    collect(top, false, &mut scans);
    let mut notes = sized(connection, scans).await?;
    notes.extend(top["Plan Rows"].as_u64().map(|rows| PlanNote::Returns { rows }));
    Ok(notes)
}

/// Collects what is read whole: a table in its own order, or in that of an index without a condition (unless a LIMIT may
/// end that early).
fn collect(node: &Value, has_limit: bool, scans: &mut Vec<Scan>) {
    let access = node["Node Type"].as_str().unwrap_or_default();
    let by_index = matches!(access, "Index Scan" | "Index Only Scan") && node.get("Index Cond").is_none() && !has_limit;
    if access == "Seq Scan" || by_index {
        let text = |name: &str| node[name].as_str().unwrap_or_default().to_owned();
        // A parallel worker is expected to see its share only.
        let takes_all = node.get("Filter").is_none() && node["Parallel Aware"] != true;
        let rows = node["Plan Rows"].as_u64().filter(|_| takes_all);
        let scan = Scan { schema: text("Schema"), table: text("Relation Name"), access: access.to_owned(), rows };
        // A query may read a table several times.
        if !scans.iter().any(|known| (&known.schema, &known.table, &known.access) == (&scan.schema, &scan.table, &scan.access)) {
            scans.push(scan);
        }
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        collect(child, has_limit || access == "Limit", scans);
    }
}

/// Adds the sizes; the partitions of a table are added up.
async fn sized(connection: &mut PgConnection, scans: Vec<Scan>) -> Result<Vec<PlanNote>, SourceError> {
    if scans.is_empty() {
        return Ok(Vec::new());
    }
    let schemas: Vec<&str> = scans.iter().map(|scan| scan.schema.as_str()).collect();
    let tables: Vec<&str> = scans.iter().map(|scan| scan.table.as_str()).collect();
    let sizes = sqlx::query(SIZES).bind(schemas).bind(tables).persistent(false).fetch_all(connection).await;
    let sizes = sizes.map_err(|error| postgres_error::reading(&error))?;
    let mut sums: Vec<(String, String, Option<u64>)> = Vec::new();
    for (scan, row) in scans.iter().zip(&sizes) {
        let (table, analyzed) = size_of(row).map_err(|error| postgres_error::reading(&error))?;
        let rows = analyzed.or(scan.rows);
        match sums.iter_mut().find(|(known, access, _)| *known == table && *access == scan.access) {
            Some((_, _, sum)) => *sum = sum.zip(rows).map(|(sum, rows)| sum + rows),
            None => sums.push((table, scan.access.clone(), rows)),
        }
    }
    Ok(sums.into_iter().map(|(table, access, rows)| PlanNote::FullScan { table, access, rows }).collect())
}

/// Name and rows of a table.
fn size_of(row: &PgRow) -> Result<(String, Option<u64>), sqlx::Error> {
    let (schema, table, rows): (Option<String>, Option<String>, Option<f64>) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let (schema, table) = (schema.unwrap_or_default(), table.unwrap_or_default());
    let name = if schema == "public" { table } else { format!("{schema}.{table}") };
    // Counts are far below 2^53.
    Ok((name, rows.map(|rows| rows as u64)))
}
