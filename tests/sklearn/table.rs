//! The tables of the vectors: written out, or made from a generator.

use crannog::forest::FeatureMatrix;
use crannog::forest::random::Mt19937;
use serde::Deserialize;

/// Rows of numbers; null is a missing value.
pub type Rows = Vec<Vec<Option<f64>>>;

/// How to make a table that is not written out.
#[derive(Deserialize)]
pub struct Generator {
    kind: String,
    n: usize,
    d: usize,
    seed: u32,
    k: Option<f64>,
}

impl Generator {
    pub fn columns(&self) -> Vec<Vec<f64>> {
        let mut generator = Mt19937::new(self.seed);
        let mut columns = vec![Vec::with_capacity(self.n); self.d];
        for _ in 0..self.n {
            for column in &mut columns {
                column.push(self.value(generator.next_f64()));
            }
        }
        columns
    }

    fn value(&self, u: f64) -> f64 {
        match (self.kind.as_str(), self.k) {
            ("uniform", _) => u,
            ("cube", _) => u * u * u * 1000.0,
            ("grid", Some(k)) => (u * k).floor(),
            (kind, _) => panic!("unknown generator {kind}"),
        }
    }
}

/// The columns of `rows`, which has `n_features` of them.
pub fn columns(rows: &Rows, n_features: usize) -> Vec<Vec<f64>> {
    let column = |i: usize| rows.iter().map(|row| row[i].unwrap_or(f64::NAN)).collect();
    (0..n_features).map(column).collect()
}

/// The matrix the forest gets, every value rounded to `f32`.
pub fn matrix(columns: &[Vec<f64>]) -> FeatureMatrix {
    let names = (0..columns.len()).map(|i| format!("column_{i}")).collect();
    let rounded = |column: &Vec<f64>| column.iter().map(|value| *value as f32).collect();
    FeatureMatrix::try_new(names, columns.iter().map(rounded).collect()).unwrap()
}
