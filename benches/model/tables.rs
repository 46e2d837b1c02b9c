//! The tables that forests are timed on. Equal arguments give equal tables.

use std::fmt;

use crannog::forest::FeatureMatrix;
use rand::SeedableRng;
use rand_distr::{Distribution, LogNormal, Normal, Uniform, Zipf};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::Deserialize;

/// What a table's columns hold.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Continuous values on three scales, every third column log-normal.
    Gauss,
    /// Whole numbers: codes of dictionaries in order of falling frequency, counts, and day numbers, in turn.
    Dict,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Gauss => "gauss",
            Self::Dict => "dict",
        })
    }
}

/// A table, before it is made.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Table {
    pub kind: Kind,
    pub n_features: usize,
    pub n_samples: usize,
    pub seed: u64,
}

impl Table {
    /// The table; each column draws from a generator of its own.
    pub fn make(self) -> FeatureMatrix {
        let names = (0..self.n_features).map(|i| format!("column_{i}"));
        let columns = (0..self.n_features).map(|i| match self.kind {
            Kind::Gauss => self.gauss_column(i),
            Kind::Dict => self.dict_column(i),
        });
        FeatureMatrix::try_new(names.collect(), columns.collect())
            .expect("one name and equally many rows for each column")
    }

    fn gauss_column(self, i: usize) -> Vec<f32> {
        match i % 3 {
            0 => self.column(i, Normal::new(0.0, 1.0).expect(FINITE), |value| value),
            1 => self.column(i, Normal::new(500.0, 100.0).expect(FINITE), |value| value),
            _ => self.column(i, LogNormal::new(8.0, 1.0).expect(FINITE), |value| value),
        }
    }

    fn dict_column(self, i: usize) -> Vec<f32> {
        match i % 3 {
            0 => {
                let codes = Zipf::new(self.dictionary_size(i), 1.1).expect("at least four codes");
                self.column(i, codes, |rank| rank - 1.0)
            }
            1 => self.column(i, LogNormal::new(1.5, 1.2).expect(FINITE), f64::floor),
            _ => {
                let days = Uniform::new(20_000.0, 20_365.0).expect("one year");
                self.column(i, days, f64::floor)
            }
        }
    }

    /// From 4 codes in the first column to 3,000 in the last dictionary, in equal ratios.
    fn dictionary_size(self, i: usize) -> f64 {
        let last = (self.n_features - 1) / 3 * 3;
        let share = if last == 0 {
            0.0
        } else {
            i as f64 / last as f64
        };
        (4.0 * 750_f64.powf(share)).round()
    }

    fn column(
        self,
        i: usize,
        values: impl Distribution<f64>,
        shape: impl Fn(f64) -> f64,
    ) -> Vec<f32> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed << 32 | i as u64);
        (0..self.n_samples)
            .map(|_| shape(values.sample(&mut random)) as f32)
            .collect()
    }
}

const FINITE: &str = "a fixed, finite spread";
