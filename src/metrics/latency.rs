//! How long things took, in buckets that are fine enough to tell the share that took longest. It is
//! observed where a lock would cost more than the thing itself, so its counts are atomics, and a thread adds
//! what it has observed now and then.

use std::array;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper ends in a decade, a quarter apart (the series R10 of ISO 3), in hundredths.
const STEPS: [u64; 10] = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800];

/// From ten microseconds to ten seconds.
const DECADES: usize = 6;

/// How many buckets have an end.
const BOUNDED: usize = STEPS.len() * DECADES + 1;

/// Their upper ends, in nanoseconds.
static BOUNDS: [u64; BOUNDED] = bounds();

const fn bounds() -> [u64; BOUNDED] {
    let mut bounds = [0; BOUNDED];
    let (mut index, mut unit) = (0, 100);
    while index < BOUNDED {
        bounds[index] = STEPS[index % STEPS.len()] * unit;
        index += 1;
        if index.is_multiple_of(STEPS.len()) {
            unit *= 10;
        }
    }
    bounds
}

/// Upper ends that Prometheus is told of, in nanoseconds: from what nobody notices to what everybody does.
/// Each is one of the fine ones.
const TOLD: [u64; 12] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    500_000_000,
    1_000_000_000,
];

/// What took how long: how many in each bucket, the last of them without an end.
pub type Counts = [u64; BOUNDED + 1];

/// What one thread has observed and not added yet.
#[derive(Clone)]
pub struct Observed {
    counts: Counts,
    sum_nanos: u64,
    any: bool,
}

impl Default for Observed {
    fn default() -> Self {
        Self { counts: [0; BOUNDED + 1], sum_nanos: 0, any: false }
    }
}

impl Observed {
    /// So many things took so long each.
    pub fn observe(&mut self, time: Duration, count: u64) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.counts[BOUNDS.partition_point(|bound| *bound < nanos)] += count;
        self.sum_nanos = self.sum_nanos.saturating_add(nanos.saturating_mul(count));
        self.any = true;
    }
}

/// The histogram, shared by all threads.
#[derive(Clone)]
pub struct Latency(Arc<Shared>);

struct Shared {
    counts: [AtomicU64; BOUNDED + 1],
    sum_nanos: AtomicU64,
}

impl Default for Latency {
    fn default() -> Self {
        let counts = array::from_fn(|_| AtomicU64::new(0));
        Self(Arc::new(Shared { counts, sum_nanos: AtomicU64::new(0) }))
    }
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Latency")
    }
}

impl Latency {
    /// Adds what a thread has observed, which begins anew.
    pub fn add(&self, observed: &mut Observed) {
        if !observed.any {
            return;
        }
        let Observed { counts, sum_nanos, .. } = std::mem::take(observed);
        for (count, more) in self.0.counts.iter().zip(counts).filter(|(_, more)| *more > 0) {
            count.fetch_add(more, Ordering::Relaxed);
        }
        self.0.sum_nanos.fetch_add(sum_nanos, Ordering::Relaxed);
    }

    /// All that was added so far.
    pub fn counts(&self) -> Counts {
        array::from_fn(|index| self.0.counts[index].load(Ordering::Relaxed))
    }
}

impl TypedMetric for Latency {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Latency {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let counts = self.counts();
        let mut told: Vec<(f64, u64)> = Vec::with_capacity(TOLD.len() + 1);
        let mut from = 0;
        for end in TOLD {
            let to = BOUNDS.partition_point(|bound| *bound <= end);
            told.push((Duration::from_nanos(end).as_secs_f64(), counts[from..to].iter().sum()));
            from = to;
        }
        told.push((f64::INFINITY, counts[from..].iter().sum()));
        let sum = Duration::from_nanos(self.0.sum_nanos.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &told, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

/// Under which time this share of what is counted stays (0.5 for the median), to within a quarter: how far
/// it is into its bucket is taken to be even. None where nothing is counted; of what took longer than the
/// last end, that.
pub fn quantile(counts: &Counts, share: f64) -> Option<Duration> {
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return None;
    }
    let rank = (total as f64 * share).max(1.0);
    let mut before = 0.0;
    for (index, &count) in counts.iter().enumerate() {
        let count = count as f64;
        if count > 0.0 && before + count >= rank {
            let from = if index == 0 { 0 } else { BOUNDS[index - 1] };
            let to = BOUNDS.get(index).copied().unwrap_or(from);
            let into = (to - from) as f64 * ((rank - before) / count);
            return Some(Duration::from_nanos(from + into as u64));
        }
        before += count;
    }
    BOUNDS.last().copied().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(times: &[Duration]) -> Counts {
        let (latency, mut observed) = (Latency::default(), Observed::default());
        times.iter().for_each(|time| observed.observe(*time, 1));
        latency.add(&mut observed);
        latency.counts()
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_prometheus_is_told_ends_where_a_fine_bucket_does() {
        assert!(BOUNDS.is_sorted() && BOUNDS[0] == 10_000 && BOUNDS[BOUNDED - 1] == 10_000_000_000);
        assert!(TOLD.iter().all(|end| BOUNDS.contains(end)));
    }

    #[test]
    fn what_is_added_is_there_once() {
        let (latency, mut observed) = (Latency::default(), Observed::default());
        observed.observe(MS, 3);
        observed.observe(Duration::from_secs(60), 1);
        latency.add(&mut observed);
        latency.add(&mut observed);
        assert_eq!(latency.counts().iter().sum::<u64>(), 4);
        assert_eq!(latency.counts()[BOUNDED], 1, "longer than any end");
    }

    #[test]
    fn shares_are_told_in_time() {
        assert_eq!(quantile(&counted(&[]), 0.5), None);
        let all = counted(&[vec![MS; 98], vec![100 * MS; 2]].concat());
        let within = |share, from: Duration, to: Duration| {
            let found = quantile(&all, share).unwrap();
            assert!(found > from && found <= to, "{share}: {found:?}");
        };
        within(0.5, MS * 4 / 5, MS);
        within(0.98, MS * 4 / 5, MS);
        within(0.99, 80 * MS, 100 * MS);
        let never = counted(&[Duration::from_secs(100)]);
        assert_eq!(quantile(&never, 0.5), Some(Duration::from_secs(10)));
        assert!(quantile(&counted(&[Duration::ZERO]), 0.99).unwrap() <= Duration::from_micros(10));
    }

    proptest! {
        #[test]
        fn a_share_is_off_by_a_quarter_at_most(micros in proptest::collection::vec(10_u64..10_000_000, 1..200)) {
            let mut micros = micros;
            let times: Vec<_> = micros.iter().map(|m| Duration::from_micros(*m)).collect();
            micros.sort_unstable();
            for share in [0.5, 0.99] {
                let rank = ((micros.len() as f64 * share).ceil() as usize).max(1);
                let exact = micros[rank - 1] as f64;
                let found = quantile(&counted(&times), share).unwrap().as_secs_f64() * 1e6;
                prop_assert!(found <= exact * 1.3 + 1.0 && found >= exact / 1.3 - 10.0, "{found} {exact}");
            }
        }
    }
}
