//! What Prometheus reads at `/metrics`, and whether the loops are alive. A registry of its own, not a global one, so
//! that two services in one process do not share counts.

use chrono::{DateTime, Utc};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PollLabels {
    watcher: String,
    outcome: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DeliveryLabels {
    receiver: String,
    outcome: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AlertLabels {
    watcher: String,
    severity: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReceiverLabels {
    receiver: String,
}

/// The counts of one service. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    polls: Family<PollLabels, Counter>,
    poll_duration: Histogram,
    lag: Histogram,
    firing: Family<AlertLabels, Gauge>,
    deliveries: Family<DeliveryLabels, Counter>,
    waiting: Family<ReceiverLabels, Gauge>,
    delivered_after: Histogram,
    budget: Family<ReceiverLabels, Gauge>,
    broken_files: Gauge,
    beat: Arc<AtomicI64>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// An empty registry with every metric of the contract.
    pub fn new() -> Metrics {
        let mut metrics = Metrics {
            registry: Arc::default(),
            polls: Family::default(),
            poll_duration: Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 30.0, 120.0]),
            lag: Histogram::new([0.01, 0.05, 0.2, 1.0, 5.0, 30.0, 120.0]),
            firing: Family::default(),
            deliveries: Family::default(),
            waiting: Family::default(),
            delivered_after: Histogram::new([0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0]),
            budget: Family::default(),
            broken_files: Gauge::default(),
            beat: Arc::default(),
        };
        let mut registry = Registry::with_prefix("rowbell");
        registry.register("polls", "polls by watcher and outcome", metrics.polls.clone());
        registry.register("poll_duration_seconds", "how long reading and evaluating took", metrics.poll_duration.clone());
        registry.register("schedule_lag_seconds", "how late after its slot a poll began", metrics.lag.clone());
        registry.register("alerts_firing", "alerts that fire now", metrics.firing.clone());
        registry.register("deliveries", "attempts by receiver and outcome", metrics.deliveries.clone());
        registry.register("outbox_pending", "deliveries that wait", metrics.waiting.clone());
        registry.register(
            "commit_to_delivery_seconds",
            "from the commit of an alert to the receiver's word that it has it",
            metrics.delivered_after.clone(),
        );
        registry.register("receiver_budget_remaining", "messages that may leave now", metrics.budget.clone());
        registry.register("watcher_files_broken", "watcher files that are not valid", metrics.broken_files.clone());
        metrics.registry = Arc::new(registry);
        metrics
    }

    /// A poll has ended.
    pub fn poll(&self, watcher: &str, outcome: &str, duration: Duration, lag: Duration) {
        self.polls.get_or_create(&PollLabels { watcher: watcher.into(), outcome: outcome.into() }).inc();
        self.poll_duration.observe(duration.as_secs_f64());
        self.lag.observe(lag.as_secs_f64());
    }

    /// An attempt has ended; `after` is the age of the delivery when it was taken.
    pub fn attempt(&self, receiver: &str, outcome: &str, after: Option<Duration>) {
        self.deliveries.get_or_create(&DeliveryLabels { receiver: receiver.into(), outcome: outcome.into() }).inc();
        if let Some(after) = after {
            self.delivered_after.observe(after.as_secs_f64());
        }
    }

    /// What fires now: watcher, severity, how many.
    pub fn set_firing(&self, counts: &[(String, String, u64)]) {
        self.firing.clear();
        for (watcher, severity, count) in counts {
            self.firing.get_or_create(&AlertLabels { watcher: watcher.clone(), severity: severity.clone() }).set(*count as i64);
        }
    }

    /// A receiver's outbox and budget.
    pub fn set_receiver(&self, receiver: &str, waiting: u64, budget: usize) {
        let labels = ReceiverLabels { receiver: receiver.into() };
        self.waiting.get_or_create(&labels).set(waiting as i64);
        self.budget.get_or_create(&labels).set(budget as i64);
    }

    /// How many watcher files are not valid.
    pub fn set_broken_files(&self, count: usize) {
        self.broken_files.set(count as i64);
    }

    /// The scheduler is alive at this time.
    pub fn beat(&self, now: DateTime<Utc>) {
        self.beat.store(now.timestamp(), Ordering::Relaxed);
    }

    /// When the scheduler last was.
    pub fn last_beat(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(self.beat.load(Ordering::Relaxed), 0).filter(|at| at.timestamp() > 0)
    }

    /// The text that Prometheus reads (OpenMetrics).
    pub fn render(&self) -> String {
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(error) => format!("# the metrics could not be written: {error}\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_of_the_contract_has_its_name() {
        let metrics = Metrics::new();
        metrics.poll("low_stock", "ok", Duration::from_millis(5), Duration::ZERO);
        metrics.attempt("warehouse", "delivered", Some(Duration::from_secs(1)));
        metrics.set_firing(&[("low_stock".into(), "warning".into(), 3)]);
        metrics.set_receiver("warehouse", 2, 16);
        let text = metrics.render();
        for line in [
            "rowbell_polls_total{watcher=\"low_stock\",outcome=\"ok\"} 1",
            "rowbell_poll_duration_seconds_count 1",
            "rowbell_schedule_lag_seconds_count 1",
            "rowbell_alerts_firing{watcher=\"low_stock\",severity=\"warning\"} 3",
            "rowbell_deliveries_total{receiver=\"warehouse\",outcome=\"delivered\"} 1",
            "rowbell_outbox_pending{receiver=\"warehouse\"} 2",
            "rowbell_commit_to_delivery_seconds_count 1",
            "rowbell_receiver_budget_remaining{receiver=\"warehouse\"} 16",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
