//! Models as files: what is saved is what is loaded, and what is no model does no harm.

mod broken;
mod kept;
mod same;

use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use crannog::forest::random::Mt19937;
use crannog::forest::{
    ColumnScale, FeatureMatrix, ForestKind, IsolationForest, IsolationForestParams, MaxSamples,
    TrainingScores,
};
use crannog::model::{Dictionary, ModelRun, SavedModel, SourceVersion};

/// What a forest is grown on.
#[derive(Clone, Copy, Debug)]
struct Shape {
    rows: usize,
    columns: usize,
    trees: usize,
    max_samples: usize,
    bootstrap: bool,
    seed: u32,
    /// One value in so many is NaN or infinite; none at 0. In an extended forest all of them are infinite.
    odd: usize,
    kind: ForestKind,
}

impl Shape {
    fn matrix(self, seed: u32) -> FeatureMatrix {
        let mut generator = Mt19937::new(seed);
        let mut value = |column: usize| {
            let number = generator.next_f64();
            let odd = (generator.next_f64() * 1e6) as usize;
            match odd.checked_rem(self.odd * 3) {
                Some(0) if self.kind == ForestKind::Axis => return f32::NAN,
                Some(0) => return f32::INFINITY,
                Some(1) => return f32::INFINITY,
                Some(2) => return f32::NEG_INFINITY,
                _ => {}
            }
            match column % 3 {
                0 => number as f32,
                1 => (number * 20.0).floor() as f32, // as codes and counts are
                _ => (number * 1e9) as f32,
            }
        };
        let columns =
            (0..self.columns).map(|column| (0..self.rows).map(|_| value(column)).collect());
        let names = (0..self.columns).map(|column| format!("column {column}"));
        FeatureMatrix::try_new(names.collect(), columns.collect()).unwrap()
    }

    fn forest(self) -> IsolationForest {
        let params = IsolationForestParams {
            n_estimators: NonZeroUsize::new(self.trees).unwrap(),
            max_samples: MaxSamples::Count(NonZeroUsize::new(self.max_samples).unwrap()),
            bootstrap: self.bootstrap,
            random_state: self.seed,
            kind: self.kind,
            ..Default::default()
        };
        IsolationForest::fit(&params, &self.matrix(self.seed)).unwrap()
    }

    /// A model with all that one can have.
    fn model(self) -> SavedModel {
        let scale = |column: usize| ColumnScale {
            mean: column as f64 / 3.0,
            variance: 0.1,
            scale: 0.1_f64.sqrt(),
        };
        SavedModel {
            run: run(),
            forest: self.forest(),
            scales: Some((0..self.columns).map(scale).collect()),
            training_scores: TrainingScores::of_sorted([-0.75, -0.5, -0.5, -0.25].into_iter()),
            typical: None,
            dictionaries: vec![labels()],
        }
    }
}

fn run() -> ModelRun {
    let at = |day: &str| format!("{day}T00:00:00Z").parse().unwrap();
    ModelRun {
        id: "3f2a9c01d4e5b6a7".to_owned(),
        job: "a job".to_owned(),
        job_digest: "00".repeat(16),
        as_of: at("2026-03-11"),
        train_start: at("2026-02-11"),
        train_end: at("2026-03-11"),
        sources: vec![SourceVersion {
            name: "events".to_owned(),
            version: "7".to_owned(),
        }],
        steps: [("grouped".to_owned(), "ab".repeat(8))].into(),
        parameters: [("bucket".to_owned(), "day".to_owned())].into(),
        crannog: "0.1.0".to_owned(),
    }
}

fn labels() -> Dictionary {
    let labels: ArrayRef = Arc::new(StringArray::from(vec![Some("cmd.exe"), Some("ü"), None]));
    let indexes: ArrayRef = Arc::new(Float64Array::from(vec![0.0, 1.0, 2.0]));
    let rows = RecordBatch::try_from_iter_with_nullable([
        ("label", labels, true),
        ("index", indexes, true),
    ]);
    Dictionary {
        name: "labels".to_owned(),
        rows: rows.unwrap(),
    }
}
