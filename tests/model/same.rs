//! A model that was saved and loaded is the model.

use crannog::forest::{ForestKind, InstructionSet};
use crannog::model::SavedModel;
use proptest::prelude::*;

use super::Shape;

/// Forests with and without missing values, of one leaf, of 8 levels, and deeper ones, which are walked.
fn shapes() -> impl Strategy<Value = Shape> {
    let size = (1_usize..600, 1_usize..5, 1_usize..12);
    let samples = prop_oneof![
        Just(1_usize),
        2_usize..300,
        Just(256_usize),
        Just(600_usize)
    ];
    let odd = prop_oneof![Just(0_usize), 2_usize..40];
    let kind = prop_oneof![Just(ForestKind::Axis), Just(ForestKind::Extended)];
    (size, samples, any::<bool>(), any::<u32>(), odd, kind).prop_map(
        |((rows, columns, trees), max_samples, bootstrap, seed, odd, kind)| Shape {
            rows,
            columns,
            trees,
            max_samples,
            bootstrap,
            seed,
            odd,
            kind,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_loaded_forest_scores_with_the_same_bits_by_all_instructions(shape in shapes()) {
        let model = shape.model();
        let loaded = SavedModel::from_bytes(&model.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(loaded.forest.offset(), model.forest.offset());
        let others = Shape { rows: 520, odd: 30, ..shape };
        for x in [shape.matrix(shape.seed), others.matrix(!shape.seed)] {
            for instructions in InstructionSet::available() {
                let bits = |model: &SavedModel| {
                    let scores = model.forest.score_samples_by(instructions, &x).unwrap();
                    scores.into_iter().map(f64::to_bits).collect::<Vec<_>>()
                };
                prop_assert_eq!(bits(&loaded), bits(&model));
            }
        }
    }
}

#[test]
fn a_loaded_model_is_the_saved_one_and_is_saved_to_the_same_bytes() {
    for kind in [ForestKind::Axis, ForestKind::Extended] {
        let shape = Shape {
            rows: 400,
            columns: 3,
            trees: 20,
            max_samples: 256,
            bootstrap: false,
            seed: 42,
            odd: 25,
            kind,
        };
        let model = shape.model();
        let bytes = model.to_bytes().unwrap();
        let loaded = SavedModel::from_bytes(&bytes).unwrap();
        assert_eq!(loaded.run, model.run);
        assert_eq!(loaded.scales, model.scales);
        assert_eq!(loaded.dictionaries, model.dictionaries);
        assert_eq!(loaded.forest.parts(), model.forest.parts());
        assert_eq!(loaded.to_bytes().unwrap(), bytes);
    }
}
