//! What a planner says about a query that has not run, in the same words for all databases.

/// Something to know about the plan of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanNote {
    /// A table is read from its beginning to its end.
    FullScan {
        /// The table; on MySQL and MariaDB the name that it has in the query.
        table: String,
        /// The database's word for this way of reading: `Seq Scan`, `ALL`, `SCAN`.
        access: String,
        /// How many rows the table has, by the database's own estimate; none when it has no idea.
        rows: Option<u64>,
    },
    /// How many rows the planner expects the query to return. Only PostgreSQL tells.
    Returns {
        /// Its estimate.
        rows: u64,
    },
}

/// Adds a scan that is not yet in the list: a query may read a table several times.
pub(super) fn add_scan(notes: &mut Vec<PlanNote>, table: String, access: &str, rows: Option<u64>) {
    let note = PlanNote::FullScan { table, access: access.to_owned(), rows };
    if !notes.contains(&note) {
        notes.push(note);
    }
}
