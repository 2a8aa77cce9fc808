//! What a measurement found, in the one form that all have: figures, the floor of the same run, and the ratio of the two.

use std::time::Duration;

use super::statistics::Spread;

/// Figures by their names, in the order in which they are shown.
pub type Figures = Vec<(&'static str, f64)>;

/// What one of the measurements found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Which measurement: the word behind `overlord bench`.
    pub bench: &'static str,
    /// With what it was made, by name.
    pub given: Vec<(&'static str, u64)>,
    /// What was measured.
    pub measured: Vec<Measured>,
    /// Which of that counts most.
    pub headline: usize,
    /// What the floors are made of, each measured alone.
    pub floors: Vec<Measured>,
}

/// One thing that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// What.
    pub what: &'static str,
    /// With what, where that differs within the report, and what else there is in numbers: `at_once`, `minions`, `jobs`.
    pub with: Vec<(&'static str, u64)>,
    /// How many of it in a second; `None` where it was done once.
    pub rate: Option<f64>,
    /// What the figures are.
    pub unit: Unit,
    /// The figures.
    pub figures: Figures,
    /// The one of them by which it is compared with its floor.
    pub by: &'static str,
    /// The floor; `None` where there is none, as of what is a part of floors itself.
    pub floor: Option<Floor>,
    /// How many times as long it takes as the same with the least; `None` where there is no other.
    pub slower: Option<f64>,
}

/// What figures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Times, in milliseconds.
    Milliseconds,
    /// Sizes, in bytes.
    Bytes,
}

/// What something would take if nothing were done but what cannot be left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Floor {
    /// The figures that are known of it, in the unit of what it is the floor of.
    pub figures: Figures,
    /// How many a second its slowest part does alone, and which part that is.
    pub rate: Option<(f64, &'static str)>,
}

impl Measured {
    /// Something that was done many times.
    pub(crate) fn spread(what: &'static str, at_once: usize, rate: f64, spread: &Spread) -> Self {
        Self {
            what,
            with: vec![("at_once", at_once as u64)],
            rate: Some(rate),
            unit: Unit::Milliseconds,
            figures: vec![
                ("p50", milliseconds(spread.p50)),
                ("p90", milliseconds(spread.p90)),
                ("p99", milliseconds(spread.p99)),
                ("p99_9", milliseconds(spread.p99_9)),
                ("max", milliseconds(spread.max)),
            ],
            by: "p50",
            floor: None,
            slower: None,
        }
    }

    /// Times that are no spread.
    pub(crate) fn times(what: &'static str, figures: Figures, by: &'static str) -> Self {
        let (with, unit) = (Vec::new(), Unit::Milliseconds);
        Self { what, with, rate: None, unit, figures, by, floor: None, slower: None }
    }

    /// Sizes.
    pub(crate) fn bytes(what: &'static str, figures: Figures, by: &'static str) -> Self {
        Self { unit: Unit::Bytes, ..Self::times(what, figures, by) }
    }

    /// The same, beside its floor.
    pub(crate) fn over(self, floor: Floor) -> Self {
        Self { floor: Some(floor), ..self }
    }

    /// The same, measured with this.
    pub(crate) fn with(mut self, name: &'static str, number: u64) -> Self {
        self.with.push((name, number));
        self
    }

    /// The number of this name, of those that it was measured with.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.with.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
    }

    /// The figure of this name.
    pub fn figure(&self, name: &str) -> Option<f64> {
        find(&self.figures, name)
    }

    /// The figure of the floor by which this is compared.
    pub fn floor(&self) -> Option<f64> {
        find(&self.floor.as_ref()?.figures, self.by)
    }

    /// How many times its floor it takes.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.figure(self.by)? / self.floor()?).filter(|ratio| ratio.is_finite())
    }

    /// How many times as many in a second the slowest part of its floor does alone.
    pub fn rate_ratio(&self) -> Option<f64> {
        let (floor, _) = self.floor.as_ref()?.rate?;
        Some(floor / self.rate?).filter(|ratio| ratio.is_finite())
    }
}

fn find(figures: &Figures, name: &str) -> Option<f64> {
    figures.iter().find(|(known, _)| *known == name).map(|(_, figure)| *figure)
}

/// A time as figures have it.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_by_the_figure_that_counts_and_by_the_rate_of_the_slowest_part() {
        let times = vec![Duration::from_millis(6); 10];
        let call = Measured::spread("sync", 1, 100.0, &Spread::of(times));
        assert_eq!((call.ratio(), call.rate_ratio()), (None, None));
        let floor = Floor { figures: vec![("p50", 2.0)], rate: Some((400.0, "echo")) };
        let call = call.over(floor);
        assert_eq!((call.ratio(), call.rate_ratio()), (Some(3.0), Some(4.0)));
        assert_eq!(call.floor(), Some(2.0));
    }

    #[test]
    fn nothing_is_so_many_times_as_long_as_no_time() {
        let floor = Floor { figures: vec![("last", 0.0)], rate: None };
        assert_eq!(Measured::times("fanout", vec![("last", 1.0)], "last").over(floor).ratio(), None);
    }
}
