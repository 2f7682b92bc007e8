//! A connection that is cut, or goes silent, anywhere in a result is an error and never a shorter result.

use super::{fails, open, rows};
use crate::databases::{Product, TestDatabase};
use rowbell::source::{SourceErrorKind, SourceSettings};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Stands between a source and its server, and lets so many bytes of answers pass.
struct Proxy {
    port: u16,
    /// Bytes that may still pass to the source.
    left: Arc<AtomicU64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Cut,
    Silence,
}

impl Proxy {
    async fn to(server: String, then: Then) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let left = Arc::new(AtomicU64::new(u64::MAX));
        let proxy = Proxy { port, left: Arc::clone(&left) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), Arc::clone(&left), then));
            }
        });
        proxy
    }

    fn cut_after(&self, bytes: u64) {
        self.left.store(bytes, Ordering::SeqCst);
    }
}

async fn pass(client: TcpStream, server: String, left: Arc<AtomicU64>, then: Then) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let questions = tokio::spawn(async move {
        // Ends when either side closes; both are dropped with the task.
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let mut buffer = vec![0; 4096];
    while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
        let allowed = left.load(Ordering::SeqCst).min(read as u64);
        if left.load(Ordering::SeqCst) != u64::MAX {
            left.fetch_sub(allowed, Ordering::SeqCst);
        }
        if to_client.write_all(&buffer[..allowed as usize]).await.is_err() {
            break;
        }
        if allowed < read as u64 {
            if then == Then::Silence {
                std::future::pending::<()>().await;
            }
            break;
        }
    }
    questions.abort();
}

const ROWS: u32 = 20_000;

async fn cut_everywhere(product: Product) {
    let database = TestDatabase::new(product).await;
    let query = super::many(product, ROWS);
    let proxy = Proxy::to(database.address(), Then::Cut).await;
    let source = open(&database.url_through(proxy.port));
    assert_eq!(rows(&source, &query).await.len(), ROWS as usize);
    for bytes in [0, 1, 7, 100, 500, 1_000, 5_000, 30_000, 200_000, 1_000_000, 2_000_000] {
        proxy.cut_after(bytes);
        let error = fails(&source, &query).await;
        let expected = [SourceErrorKind::Interrupted, SourceErrorKind::Connect];
        assert!(expected.contains(&error.kind), "cut after {bytes} bytes: {error}");
        proxy.cut_after(u64::MAX);
        assert_eq!(rows(&source, &query).await.len(), ROWS as usize, "after a cut at {bytes} bytes");
    }
    super::assert_server_is_quiet(&database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_is_an_error_on_postgresql() {
    cut_everywhere(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_is_an_error_on_mariadb() {
    cut_everywhere(Product::Mariadb).await;
}

async fn silence(product: Product) {
    let database = TestDatabase::new(product).await;
    let proxy = Proxy::to(database.address(), Then::Silence).await;
    let settings = SourceSettings { query_timeout: Duration::from_millis(300), ..super::settings(&database.url_through(proxy.port)) };
    let source = rowbell::source::Source::open(settings).expect("a source");
    rows(&source, "select 1 as one").await;
    proxy.cut_after(100_000);
    let began = Instant::now();
    let error = fails(&source, &super::many(product, ROWS)).await;
    assert_eq!(error.kind, SourceErrorKind::Timeout, "{error}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    proxy.cut_after(u64::MAX);
    assert_eq!(rows(&source, "select 1 as one").await, [["n:1"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_connection_is_an_error_on_postgresql() {
    silence(Product::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_connection_is_an_error_on_mariadb() {
    silence(Product::Mariadb).await;
}
