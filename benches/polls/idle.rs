//! What the service costs while nothing happens: the real program with a hundred watchers.

use crate::usage::{cpu, memory};
use rowbell::store::Store;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const WATCHERS: usize = 100;
/// Longer than the scheduler's longest sleep.
const WATCHED: Duration = Duration::from_secs(40);
/// After this, what the start allocated has settled.
const SETTLE: Duration = Duration::from_secs(5);

/// Ends the program whatever happens here.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            eprintln!("the service could not be ended: {error}");
        }
    }
}

/// Starts `rowbell run`, waits until every watcher has polled, and looks on for a while.
pub async fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    write_files(folder.path()).await;
    let service = Service(
        Command::new(env!("CARGO_BIN_EXE_rowbell"))
            .arg("run")
            .current_dir(folder.path())
            .env("ROWBELL_LOG", "warn")
            .stdin(Stdio::null())
            .spawn()
            .expect("the service starts"),
    );
    let pid = service.0.id().to_string();
    let before = polls_of(folder.path(), WATCHERS).await;
    tokio::time::sleep(SETTLE).await;
    let cpu_before = cpu(&pid);
    tokio::time::sleep(WATCHED).await;
    let used = cpu(&pid) - cpu_before;
    let polls = polls_of(folder.path(), 0).await - before;
    let memory = |name| memory(&pid, name) as f64 / 1024.0;
    println!("idle service, {WATCHERS} watchers on an SQLite source, every = \"5m\"");
    println!(
        "  memory {:.1} MB (of it {:.1} MB the program's own file), peak {:.1} MB",
        memory("VmRSS"),
        memory("RssFile"),
        memory("VmHWM")
    );
    println!("  CPU {used:.2} s in {} s, with {polls} polls in that time", WATCHED.as_secs());
}

/// Waits until there have been at least so many polls.
async fn polls_of(folder: &Path, at_least: usize) -> usize {
    let file = folder.join("rowbell.db");
    for _ in 0..600 {
        if file.exists() {
            let store = Store::open(&format!("sqlite://{}", file.display())).await.expect("the store opens");
            let polls = store.polls(None, 0).await.expect("the polls are read");
            store.close().await;
            assert!(polls.iter().all(|poll| poll.outcome == "ok"), "a poll failed");
            if polls.len() >= at_least {
                return polls.len();
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the watchers do not poll");
}

async fn write_files(folder: &Path) {
    use sqlx::ConnectOptions;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("shop.db")).create_if_missing(true);
    let mut shop = options.connect().await.expect("a shop");
    sqlx::raw_sql("create table stock (sku text primary key, qty integer); insert into stock values ('A-17', 12)")
        .execute(&mut shop)
        .await
        .expect("a table");
    let settings = "[sources.shop]\nurl = \"sqlite://shop.db\"\n[web]\nlisten = \"127.0.0.1:0\"\n\
         [receivers.warehouse]\ntype = \"dingtalk_robot\"\nwebhook = \"http://127.0.0.1:9/robot/send?access_token=x\"\n";
    std::fs::write(folder.join("rowbell.toml"), settings).expect("the settings");
    std::fs::create_dir(folder.join("watchers")).expect("a folder");
    for n in 0..WATCHERS {
        let text = format!(
            "source = \"shop\"\nevery = \"5m\"\nalert_on = \"match\"\nkey = [\"sku\"]\nwhen = \"qty < {n} and sku is not null\"\n\
             query = \"select sku, qty from stock where qty < 10\"\n[[notify]]\nreceivers = [\"warehouse\"]\n"
        );
        std::fs::write(folder.join(format!("watchers/w{n}.toml")), text).expect("a watcher");
    }
}
