//! What a poll costs: CPU and memory of our process, beside a floor that is measured in the same run.
//!
//! ```text
//! tests/run --bench                                            # brings PostgreSQL up and measures everything
//! ROWBELL_TEST_POSTGRES_URL=postgres://… cargo bench --bench polls   # on a server of your own (a superuser's url)
//! cargo bench --bench polls                                    # SQLite and the idle service only
//! cargo bench --bench polls -- sqlite                          # what has this word in its name
//! ```
//!
//! Each case is a process of its own, so that no case has the memory of another. The CPU is user and system time of
//! that process alone (the server's is not in it); the memory is its peak (`VmHWM`) while the case is measured. Needs
//! Linux, for `/proc`. Results and the machine they were taken on: `benches/README.md`.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod cases;
#[allow(dead_code)] // the tests use more of it
#[path = "../../tests/it/databases.rs"]
mod databases;
mod idle;
mod usage;

use cases::{CASES, ROWS};
use databases::{Product, TestDatabase};
use std::process::Command;
use usage::Measured;

const POSTGRES: &str = "ROWBELL_TEST_POSTGRES_URL";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["case", name, product, folder] => runtime.block_on(cases::run(name, product, folder.as_ref())),
        words => runtime.block_on(all(words)),
    }
}

async fn all(words: &[&str]) {
    let is_wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    for (product, name) in [(Product::Postgres, "postgresql"), (Product::Sqlite, "sqlite")] {
        if !is_wanted(name) {
            continue;
        }
        if product == Product::Postgres && std::env::var(POSTGRES).is_err() {
            println!("postgresql: left out, {POSTGRES} is not set; `tests/run --bench` brings a server up\n");
            continue;
        }
        let database = TestDatabase::new(product).await;
        cases::fill(&database).await;
        table(name, &database);
    }
    if is_wanted("idle") {
        idle::measure().await;
    }
}

/// Runs the cases of a product in order, each in a process of its own; those after the first poll find its store.
fn table(product: &str, database: &TestDatabase) {
    println!("{product}, {ROWS} rows; per poll, CPU and memory of our process");
    println!("{:<44} {:>8} {:>8} {:>8} {:>10}", "", "CPU s", "x floor", "wall s", "peak MB");
    let folder = tempfile::tempdir().expect("a folder");
    let mut floor = None;
    for (name, title) in CASES {
        let done = Command::new(std::env::current_exe().expect("this program"))
            .args(["case", name, product])
            .arg(folder.path())
            .env(cases::URL, &database.url)
            .output()
            .expect("a process of its own");
        assert!(done.status.success(), "{name} failed: {}", String::from_utf8_lossy(&done.stderr));
        let measured: Measured = serde_json::from_slice(&done.stdout).expect("what was measured");
        let times = measured.cpu_s / *floor.get_or_insert(measured.cpu_s);
        println!("{title:<44} {:>8.3} {times:>8.2} {:>8.3} {:>10.1}", measured.cpu_s, measured.wall_s, measured.peak_kb as f64 / 1024.0);
    }
    println!();
}
