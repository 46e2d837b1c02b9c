//! The figures of a ranking are scikit-learn's.

use std::path::Path;

use crannog::evaluate::metrics::{Ranked, order};
use serde::Deserialize;

use super::vectors::read;

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    y_true: Vec<u8>,
    y_score: Vec<f64>,
    roc_auc_score: f64,
    average_precision_score: f64,
    true_positive_rate: Vec<(f64, f64)>,
    precision_at_recall: Vec<(f64, f64)>,
}

#[test]
fn figures_and_curves_of_rankings_with_and_without_ties_are_sklearns() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sklearn/metrics.json");
    let (_, vectors): (_, Vectors) = read(&file);
    assert_eq!(vectors.cases.len(), 10);
    for case in vectors.cases {
        let order = order(&case.y_score);
        let rows = order
            .iter()
            .map(|row| (case.y_score[*row], case.y_true[*row] == 1));
        let ranked = Ranked::new(rows);
        let same = |what: &str, ours: f64, theirs: f64| {
            let name = &case.name;
            assert!(
                (ours - theirs).abs() < 1e-14,
                "{name}: {what} {ours}, not {theirs}"
            );
        };
        same("AUROC", ranked.roc_auc_score(), case.roc_auc_score);
        let ours = ranked.average_precision_score();
        same("AP", ours, case.average_precision_score);
        for (rate, theirs) in &case.true_positive_rate {
            let ours = ranked.true_positive_rate(*rate);
            same(&format!("TPR at {rate}"), ours, *theirs);
        }
        for (recall, theirs) in &case.precision_at_recall {
            let ours = ranked.precision_at_recall(*recall);
            same(&format!("precision at {recall}"), ours, *theirs);
        }
    }
}
