//! One metric for each case of something: a label whose values are known.

use std::fmt;
use std::marker::PhantomData;

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What a metric is told apart by: a few cases, each a value of the label.
pub trait Case: Copy + PartialEq + 'static {
    /// All of them.
    const ALL: &'static [Self];
    /// The label.
    const LABEL: &'static str;

    /// Its value.
    fn value(self) -> &'static str;
}

type Labels = [(&'static str, &'static str); 1];

/// A metric for each case. All are there from the start, and asking for one takes no lock.
pub struct Each<C, M> {
    family: Family<Labels, M>,
    all: Box<[M]>,
    of: PhantomData<C>,
}

impl<C: Case, M: Clone + Default> Default for Each<C, M> {
    fn default() -> Self {
        let family = Family::<Labels, M>::default();
        let make = |case: &C| family.get_or_create_owned(&[(C::LABEL, case.value())]);
        let all = C::ALL.iter().map(make).collect();
        Self { family, all, of: PhantomData }
    }
}

impl<C: Case, M: Clone + Default + EncodeMetric + TypedMetric + Send + Sync + fmt::Debug + 'static>
    Each<C, M>
{
    /// That of one case.
    pub fn of(&self, case: C) -> &M {
        // Every case is in the list that the metrics were made from.
        &self.all[C::ALL.iter().position(|other| *other == case).unwrap_or_default()]
    }

    pub(super) fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.family.clone());
    }
}

impl<C, M> fmt::Debug for Each<C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Each")
    }
}
