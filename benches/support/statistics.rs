//! Medians and percentiles of wall times.

use std::time::Duration;

/// Wall times of one thing, in the order of size.
pub struct Samples(Vec<Duration>);

impl Samples {
    /// Takes at least one time.
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// No run was faster, in milliseconds: nearest to what the work itself takes.
    pub fn fastest(&self) -> f64 {
        self.at(0)
    }

    /// Half of the runs took at most so long, in milliseconds.
    pub fn median(&self) -> f64 {
        self.at(50)
    }

    /// 95 of 100 runs took at most so long, in milliseconds.
    pub fn p95(&self) -> f64 {
        self.at(95)
    }

    /// 99 of 100 runs took at most so long, in milliseconds.
    pub fn p99(&self) -> f64 {
        self.at(99)
    }

    /// The nearest rank: a time that was really measured.
    fn at(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}
