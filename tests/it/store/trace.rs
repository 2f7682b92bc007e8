//! The trace is bounded in age and number, and says how long a thought lasted.

use super::*;
use rowbell::domain::evaluate::{Trace, TraceWord};

const DAY: i64 = 86_400;

fn thought(key: &str, text: &str) -> Trace {
    let key_row = row(&[("sku", Kind::Text, Some(key))]);
    Trace { fingerprint: fingerprint("w", key), key: Some(key_row), word: TraceWord::Unmatched, text: text.into() }
}

async fn think(store: &Store, watcher: &str, now: DateTime<Utc>, traces: Vec<Trace>, traces_over: Vec<i64>) -> Committed {
    poll(store, watcher, now, Changes { traces, traces_over, ..Changes::default() }).await
}

async fn count(fresh: &Fresh, sql: &'static str) -> i64 {
    let pool = sqlx::SqlitePool::connect(&fresh.url).await.expect("the store opens");
    let count = sqlx::query_scalar(sql).fetch_one(&pool).await.expect("a number");
    pool.close().await;
    count
}

#[tokio::test]
async fn a_thought_lasts_until_a_poll_ends_it() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let first = think(&store, "w", at(0), vec![thought("a", "stock is 120"), thought("b", "stock is 7")], vec![]).await;
        assert_eq!(first.traces.len(), 2);
        let second = think(&store, "w", at(60), vec![thought("a", "stock is 119")], vec![first.traces[0]]).await;
        let mut lasting: Vec<String> = store
            .lasting_traces("w", "erp")
            .await
            .expect("the trace")
            .into_iter()
            .map(|(_, _, word, text)| format!("{word:?} {text}"))
            .collect();
        lasting.sort();
        assert_eq!(lasting, ["Unmatched stock is 119", "Unmatched stock is 7"]);
        assert_eq!(store.lasting_traces("w", "other").await.expect("the trace"), []);
        assert!(second.traces[0] > first.traces[1]);
        assert_eq!(count(&fresh, "select count(*) from trace where until = '2027-01-15T08:01:00.000Z'").await, 1);
    }
}

#[tokio::test]
async fn what_ended_more_than_seven_days_ago_is_removed_and_what_lasts_stays() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        let first = think(&store, "w", at(0), vec![thought("a", "x"), thought("b", "x"), thought("c", "x")], vec![]).await;
        think(&store, "w", at(60), vec![], vec![first.traces[0]]).await;
        think(&store, "w", at(DAY), vec![], vec![first.traces[1]]).await;
        let purge = |seconds| store.purge(at(-999 * DAY), at(seconds));
        assert_eq!(purge(60 + 7 * DAY).await.expect("purged"), 0);
        assert_eq!(purge(61 + 7 * DAY).await.expect("purged"), 1);
        assert_eq!(purge(99 * DAY).await.expect("purged"), 1);
        assert_eq!(count(&fresh, "select count(*) from trace where until is null").await, 1);
    }
}

#[tokio::test]
async fn a_watcher_that_thinks_much_loses_its_own_oldest_lines() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        think(&store, "quiet", at(0), vec![thought("a", "x")], vec![]).await;
        fresh
            .execute(
                "insert into trace (at, watcher, source, fingerprint, word, text)
                 with recursive n (n) as (select 1 union all select n + 1 from n where n < 20300)
                 select '2027-01-15T08:00:00.000Z', 'loud', 'erp', 'f' || n, 'unmatched', 'line ' || n from n",
            )
            .await
            .expect("a long trace");
        // The next lines reach number 21,000, at which the watcher's surplus goes; then the janitor comes.
        let many: Vec<Trace> = (0..750).map(|n| thought(&n.to_string(), "x")).collect();
        think(&store, "loud", at(60), many, vec![]).await;
        assert_eq!(count(&fresh, "select count(*) from trace where watcher = 'loud'").await, 20_000);
        assert_eq!(count(&fresh, "select count(*) from trace where watcher = 'loud' and text = 'line 1050'").await, 0);
        assert_eq!(count(&fresh, "select count(*) from trace where watcher = 'loud' and text = 'line 1051'").await, 1);
        fresh.execute("update trace set watcher = 'louder' where id % 2 = 0").await.expect("two watchers");
        assert_eq!(store.purge(at(-DAY), at(60)).await.expect("purged"), 0);
        fresh.execute("update trace set watcher = 'loud' where watcher <> 'quiet'").await.expect("one again");
        fresh.execute("insert into trace (at, watcher, source, fingerprint, word, text) select at, watcher, source, fingerprint, word, text from trace where watcher = 'loud' limit 7").await.expect("more");
        assert_eq!(store.purge(at(-DAY), at(60)).await.expect("purged"), 7);
        assert_eq!(count(&fresh, "select count(*) from trace where watcher = 'quiet'").await, 1);
    }
}

#[tokio::test]
async fn all_watchers_together_have_a_limit_too() {
    for fresh in Fresh::all() {
        let store = fresh.open().await;
        fresh
            .execute(
                "insert into trace (at, watcher, source, fingerprint, word, text)
                 with recursive n (n) as (select 1 union all select n + 1 from n where n < 200012)
                 select '2027-01-15T08:00:00.000Z', 'w' || (n % 40), 'erp', 'f' || n, 'unmatched', 'line ' || n from n",
            )
            .await
            .expect("a long trace");
        assert_eq!(store.purge(at(-DAY), at(60)).await.expect("purged"), 12);
        assert_eq!(count(&fresh, "select min(id) from trace").await, 13);
    }
}
