//! The models of `tests/data/models`, which the program of their time saved: **each must load in every later version.** A
//! file there is never written anew; a format of the next number comes as one more file beside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int32Type, TimestampMicrosecondType};
use crannog::forest::{FeatureMatrix, ForestKind, InstructionSet, IsolationForest};
use crannog::model::SavedModel;

fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/models");
    folder.join(name)
}

fn load(name: &str) -> SavedModel {
    let bytes = fs::read(file(&format!("{name}.json.gz"))).unwrap();
    SavedModel::from_bytes(&bytes).unwrap()
}

/// A column's lowest value, the step from one value to the next, and how many there are.
type Lattice = (f64, f64, usize);

/// 96 rows, some of them with a missing value unless the forest has no rule for one. `scores.py` has the same.
fn rows(forest: &IsolationForest, lattice: &[Lattice]) -> FeatureMatrix {
    let some_missing = forest.params().kind == ForestKind::Axis;
    let value = |i: usize, j: usize| {
        if some_missing && i % 16 == 5 && i % lattice.len() == j {
            return f32::NAN;
        }
        let (low, step, n) = lattice[j];
        (low + step * ((i * (7 + 2 * j) + j) % n) as f64) as f32
    };
    let columns = (0..lattice.len()).map(|j| (0..96).map(|i| value(i, j)).collect());
    FeatureMatrix::try_new(forest.feature_names().to_vec(), columns.collect()).unwrap()
}

/// What `scores.py` computes of the file's JSON alone.
fn scores(name: &str) -> Vec<f64> {
    let text = fs::read_to_string(file("scores.json")).unwrap();
    let mut all: BTreeMap<String, Vec<f64>> = serde_json::from_str(&text).unwrap();
    all.remove(name).unwrap()
}

#[track_caller]
fn check_scores(name: &str, model: &SavedModel, lattice: &[Lattice]) {
    let x = rows(&model.forest, lattice);
    for instructions in InstructionSet::available() {
        let scored = model.forest.score_samples_by(instructions, &x).unwrap();
        assert_eq!(scored, scores(name));
    }
}

#[test]
fn the_first_model_of_process_executions_loads_and_scores_as_it_did() {
    let model = load("process_execution-1");
    assert_eq!(model.run.id, "32bdff2bc21e90d0");
    assert_eq!(model.run.job, "process_execution");
    assert_eq!(model.run.parameters["handle_invalid"], "keep");
    assert_eq!((model.forest.offset(), model.scales.as_ref()), (-0.5, None));
    let columns = "unixInterval computerIndex accountIndex accountTypeIndex processIndex count";
    assert_eq!(model.forest.feature_names().join(" "), columns);
    let labels = model.dictionary("processes").unwrap();
    assert_eq!(labels.rows.num_rows(), 115);
    assert_eq!(labels.rows.column(0).data_type(), &DataType::Utf8View);
    let types = &model.dictionary("account_types").unwrap().rows;
    let types = types.column(0).as_string_view();
    assert_eq!(
        types.iter().collect::<Vec<_>>(),
        ["Machine", "User"].map(Some)
    );

    let mut lattice = vec![(1_771_891_200.0, 86_400.0, 16)];
    lattice.extend([(0.0, 1.0, 24); 5]);
    check_scores("process_execution-1", &model, &lattice);
}

#[test]
fn the_first_model_of_cloudtrail_loads_and_scores_as_it_did() {
    let model = load("cloudtrail-1");
    assert_eq!(model.run.id, "538aecdf9c90ab7f");
    assert_eq!(model.forest.offset(), -0.653_292_879_112_279_1);
    let scales = model.scales.as_ref().unwrap();
    assert_eq!(
        (scales[0].mean, scales[0].scale),
        (11.874_617_737_003_058, 5.901_033_788_873_133)
    );
    let codes = &model.dictionary("codes").unwrap().rows;
    let keyed = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    assert_eq!(codes["value"].data_type(), &keyed);
    let dates = &model.dictionary("dates").unwrap().rows;
    let day = dates["eventDate"].as_primitive::<TimestampMicrosecondType>();
    assert_eq!(day.values()[..], [1_773_100_800_000_000]); // 2026-03-10
    assert_eq!(dates["code"].as_primitive::<Int32Type>().values()[..], [0]);
    check_scores("cloudtrail-1", &model, &[(-2.0, 0.0625, 64); 7]);
}

#[test]
fn the_first_model_of_an_extended_forest_loads_and_scores_as_it_did() {
    let model = load("process_execution-2");
    assert_eq!(model.run.id, "760111a3f474ee49");
    assert_eq!(model.forest.offset(), -0.567_083_844_957_773_4);
    assert_eq!(model.forest.params().extension_level, Some(2));
    assert!(model.forest.trees().is_empty());
    let plane = model.forest.extended_trees()[0].plane(0).unwrap();
    assert_eq!((plane.columns.len(), plane.normal.len()), (3, 3));
    check_scores("process_execution-2", &model, &[(-2.0, 0.0625, 64); 6]);
}
