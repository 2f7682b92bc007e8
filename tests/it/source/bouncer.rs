//! Behind pgbouncer in transaction mode, where each transaction may meet another server session.

use super::{open, read, read_query, rows};
use crate::databases::{Product, TestDatabase};
use rowbell::domain::query::{Param, Query, Window};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Bouncer {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("ended");
    }
}

fn binary() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join("pgbouncer")).find(|file| file.exists())
}

fn start(binary: &PathBuf, database: &TestDatabase) -> Bouncer {
    let folder = tempfile::tempdir().expect("a folder");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let url = url::Url::parse(&database.url).expect("a url");
    let (host, server_port) = (url.host_str().expect("a host"), url.port().unwrap_or(5432));
    let (user, password) = (url.username(), url.password().unwrap_or_default());
    let users = folder.path().join("users.txt");
    std::fs::write(&users, format!("\"{user}\" \"{password}\"\n")).expect("written");
    let file = folder.path().join("pgbouncer.ini");
    let text = format!(
        "[databases]\n* = host={host} port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 100\n",
        users.display()
    );
    std::fs::write(&file, text).expect("written");
    let mut command = Command::new(binary);
    // It refuses to run as root.
    if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("readable");
        command.args(["-u", "nobody"]);
    }
    let process = command.arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("pgbouncer");
    let bouncer = Bouncer { process, port, _folder: folder };
    let until = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "pgbouncer does not listen");
    }
    bouncer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_work_behind_pgbouncer_in_transaction_mode() {
    let Some(binary) = binary() else {
        eprintln!("skipped: pgbouncer is not installed (apt-get install pgbouncer)");
        return;
    };
    let database = TestDatabase::new(Product::Postgres).await;
    database.run("create type mood as enum ('ok', 'bad'); create table t (id int, mood mood); insert into t values (1, 'bad')").await;
    let bouncer = start(&binary, &database);
    let sources: Vec<_> = (0..4).map(|_| Arc::new(open(&database.url_through(bouncer.port)))).collect();
    let reads = (0..32_usize).map(|number| {
        let source = Arc::clone(&sources[number % sources.len()]);
        tokio::spawn(async move {
            for _ in 0..5 {
                assert_eq!(
                    rows(&source, "select current_setting('TimeZone') as zone, * from t").await,
                    [["t:Asia/Shanghai", "n:1", "t:bad"]]
                );
                assert_eq!(read(&source, "select id from t where id < 0").await.expect("empty").rows.len(), 0);
                assert_eq!(rows(&source, &super::many(Product::Postgres, 2500)).await.len(), 2500);
                let value = Param::Text("bad".to_owned());
                let window = Window::Latest { column: "id".to_owned(), rows: 1 };
                let query = Query::plain("select * from t where mood = :mood::mood").with("mood", value).within(window).with_horizon();
                let (found, stats) = read_query(&source, &query, source.limits(None, None)).await.expect("a row");
                assert_eq!((found.rows.len(), stats.horizon.is_some()), (1, true));
            }
        })
    });
    for read in reads.collect::<Vec<_>>() {
        read.await.expect("read");
    }
    let columns = sources[0].prepare(&Query::plain("select id, mood from t")).await.expect("prepared");
    assert_eq!(columns.len(), 2);
    assert!(sources[0].explain(&Query::plain("select * from t where id = :id").with("id", Param::Null)).await.is_ok());
    assert_eq!(sources[0].account().await.expect("an account").can_write.len(), 1);
    // The settings were local to the transactions.
    let outside: sqlx::postgres::PgConnectOptions = database.url_through(bouncer.port).parse().expect("a url");
    let mut outside = sqlx::ConnectOptions::connect(&outside.extra_float_digits(None)).await.expect("a session");
    let zone = sqlx::Executor::fetch_one(&mut outside, sqlx::raw_sql("select current_setting('statement_timeout')")).await.expect("a row");
    assert_eq!(sqlx::Row::get::<String, _>(&zone, 0), "0");
    for source in sources {
        source.close().await;
    }
}
