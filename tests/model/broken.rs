//! Bytes that are no model: a clear error, no panic, no memory to speak of.

use std::io::{Read, Write};
use std::sync::OnceLock;

use crannog::forest::ForestKind;
use crannog::model::{ModelError, SavedModel};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::Shape;

/// A small model, and its file.
fn small() -> &'static (SavedModel, Vec<u8>) {
    static SMALL: OnceLock<(SavedModel, Vec<u8>)> = OnceLock::new();
    SMALL.get_or_init(|| with_file(shape(ForestKind::Axis).model()))
}

/// One of an extended forest.
fn small_extended() -> &'static (SavedModel, Vec<u8>) {
    static SMALL: OnceLock<(SavedModel, Vec<u8>)> = OnceLock::new();
    SMALL.get_or_init(|| with_file(shape(ForestKind::Extended).model()))
}

fn with_file(model: SavedModel) -> (SavedModel, Vec<u8>) {
    let file = model.to_bytes().unwrap();
    (model, file)
}

fn shape(kind: ForestKind) -> Shape {
    Shape {
        rows: 30,
        columns: 2,
        trees: 3,
        max_samples: 16,
        bootstrap: false,
        seed: 5,
        odd: 9,
        kind,
    }
}

fn gunzip(file: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    GzDecoder::new(file).read_to_end(&mut text).unwrap();
    text
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut file = GzEncoder::new(Vec::new(), Compression::none());
    file.write_all(text).unwrap();
    file.finish().unwrap()
}

fn document() -> Value {
    document_of(small())
}

fn document_of((_, file): &(SavedModel, Vec<u8>)) -> Value {
    serde_json::from_slice(&gunzip(file)).unwrap()
}

fn read(document: &Value) -> Result<SavedModel, ModelError> {
    SavedModel::from_bytes(&gzip(document.to_string().as_bytes()))
}

/// Whatever is loaded must score.
fn score(model: &SavedModel) {
    let names = model.forest.feature_names().to_vec();
    // An extended forest has no rule for a missing value.
    let odd = match model.forest.params().kind {
        ForestKind::Axis => f32::NAN,
        ForestKind::Extended => f32::NEG_INFINITY,
    };
    let columns = vec![vec![0.0, 1.5, odd, f32::INFINITY]; names.len()];
    let x = crannog::forest::FeatureMatrix::try_new(names, columns).unwrap();
    let scores = model.forest.score_samples(&x).unwrap();
    assert!(scores.iter().all(|score| (-1.0..=0.0).contains(score)));
}

#[test]
fn no_flipped_bit_goes_unnoticed_where_it_could_matter() {
    let (model, file) = small();
    let parts = model.forest.parts();
    let mut unnoticed = Vec::new();
    for byte in 0..file.len() {
        for bit in 0..8 {
            let mut flipped = file.clone();
            flipped[byte] ^= 1 << bit;
            if let Ok(model) = SavedModel::from_bytes(&flipped) {
                assert_eq!(model.forest.parts(), parts);
                unnoticed.push(byte);
            }
        }
    }
    // What gzip's head says of time, system and effort, and the bits that fill up the last byte before its checksum.
    let last = file.len() - 9;
    let is_filling = |byte: &usize| (3..10).contains(byte) || *byte == last;
    assert!(unnoticed.iter().all(is_filling), "{unnoticed:?}");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let (_, file) = small();
    for end in 0..file.len() {
        let error = SavedModel::from_bytes(&file[..end]).unwrap_err();
        let expected = matches!(error, ModelError::NoModel | ModelError::Damaged(_));
        assert!(expected, "{end}: {error}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (path, value, expected) in [
        ("/format", json!("other"), "it is not a model of crannog"),
        (
            "/format_version",
            json!(3),
            "its format is 3, which this version of crannog does not know",
        ),
        ("/offset", json!("much"), "what it says is not a model"),
        ("/offset", json!(1.5), "its forest is none"),
        (
            "/isolation_forest/n_estimators",
            json!(0),
            "what it says is not a model",
        ),
        (
            "/isolation_forest/n_estimators",
            json!(4),
            "its forest is none",
        ),
        ("/max_samples", json!(5), "its forest is none"),
        ("/max_samples", json!(-5), "what it says is not a model"),
        (
            "/standard_scaler/mean",
            json!([0.5]),
            "its scaler has not a mean, a variance and a scale for each feature",
        ),
        (
            "/trees/1/threshold",
            json!([]),
            "tree 1: its lists do not have an entry for each node",
        ),
        (
            "/trees/2/n_samples",
            json!(vec![1; 100]),
            "tree 2: its lists do not have an entry for each node",
        ),
        ("/trees/0/feature/0", json!(7), "its forest is none"),
        ("/trees/0/threshold/0", json!("nan"), "its forest is none"),
        ("/trees/0/n_samples/0", json!(0), "its forest is none"),
        (
            "/dictionaries/0/columns/0/type",
            json!("blob"),
            "dictionary `labels`: there is no column type `blob`",
        ),
    ] {
        let mut document = document();
        *document.pointer_mut(path).unwrap() = value;
        assert_eq!(read(&document).unwrap_err().to_string(), expected, "{path}");
    }
    read(&document()).unwrap();
}

#[test]
fn what_is_wrong_with_an_extended_forest_is_named() {
    for (path, value, expected) in [
        // The trees of one format are none of the other.
        ("/format_version", json!(1), "what it says is not a model"),
        (
            "/isolation_forest/kind",
            json!("axis"),
            "its forest is none",
        ),
        (
            "/isolation_forest/extension_level",
            json!(0),
            "its forest is none",
        ),
        (
            "/trees/1/normal",
            json!([0.5]),
            "tree 1: its lists do not have an entry for each node",
        ),
        (
            "/trees/1/column",
            json!([0]),
            "tree 1: its lists do not have an entry for each node",
        ),
        (
            "/trees/2/n_samples",
            json!(vec![1; 100]),
            "tree 2: its lists do not have an entry for each node",
        ),
        ("/trees/0/threshold/0", json!("nan"), "its forest is none"),
        ("/trees/0/normal/0", json!("inf"), "its forest is none"),
    ] {
        let mut document = document_of(small_extended());
        if path.ends_with("level") {
            document["isolation_forest"]["extension_level"] = json!(1);
        }
        *document.pointer_mut(path).unwrap() = value;
        assert_eq!(read(&document).unwrap_err().to_string(), expected, "{path}");
    }
    read(&document_of(small_extended())).unwrap();
}

#[test]
fn only_an_extended_forest_has_the_format_that_an_older_program_refuses() {
    assert_eq!(document()["format_version"], 1);
    assert_eq!(document()["isolation_forest"].get("kind"), None);
    assert_eq!(document_of(small_extended())["format_version"], 2);
}

#[test]
fn a_key_of_a_later_version_is_passed_over() {
    let mut document = document();
    document["more"] = json!({"of": ["everything"]});
    document["trees"][0]["more"] = json!(1);
    assert_eq!(
        read(&document).unwrap().forest.parts(),
        small().0.forest.parts()
    );
}

/// What becomes of bytes on their way.
#[derive(Clone, Debug)]
enum Harm {
    Flip(Index, u8),
    Cut(Index),
    Splice(Index, Index, Index),
    Insert(Index, Vec<u8>),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (any::<Index>(), 1_u8..).prop_map(|(at, bits)| Harm::Flip(at, bits)),
        any::<Index>().prop_map(Harm::Cut),
        (any::<Index>(), any::<Index>(), any::<Index>())
            .prop_map(|(a, b, c)| Harm::Splice(a, b, c)),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(at, more)| Harm::Insert(at, more)),
    ]
}

fn harmed(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        if bytes.is_empty() {
            break;
        }
        let len = bytes.len();
        match harm {
            Harm::Flip(at, bits) => bytes[at.index(len)] ^= bits,
            Harm::Cut(at) => bytes.truncate(at.index(len)),
            Harm::Splice(a, b, at) => {
                let (a, b) = (a.index(len), b.index(len));
                let part = bytes[a.min(b)..a.max(b)].to_vec();
                let at = at.index(len);
                bytes.splice(at..at, part);
            }
            Harm::Insert(at, more) => {
                let at = at.index(len);
                bytes.splice(at..at, more.iter().copied());
            }
        }
    }
    bytes
}

/// The places of all values of a document.
fn places(value: &Value, here: String, found: &mut Vec<String>) {
    let step = |key: &str| format!("{here}/{}", key.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, step(&index.to_string()), found);
            }
        }
        Value::Object(fields) => {
            for (key, item) in fields {
                places(item, step(key), found);
            }
        }
        _ => {}
    }
    found.push(here);
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0_u64..40).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![
            Just("inf"),
            Just("-inf"),
            Just("nan"),
            Just(""),
            Just("auto"),
            Just("timestamp(us, UTC)"),
            Just("dictionary(int8, utf8)"),
        ]
        .prop_map(Value::from),
        prop::collection::vec(0_u64..9, 0..9).prop_map(Value::from),
        Just(json!({})),
        Just(json!([[[[]]]])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_file_with_any_harm_done_to_it_is_refused_or_scores(
        harms in prop::collection::vec(harm(), 1..4)
    ) {
        for (_, file) in [small(), small_extended()] {
            if let Ok(model) = SavedModel::from_bytes(&harmed(file.clone(), &harms)) {
                score(&model);
            }
        }
    }

    #[test]
    fn a_text_with_any_harm_done_to_it_is_refused_or_scores(
        harms in prop::collection::vec(harm(), 1..4)
    ) {
        for (_, file) in [small(), small_extended()] {
            let text = harmed(gunzip(file), &harms);
            if let Ok(model) = SavedModel::from_bytes(&gzip(&text)) {
                score(&model);
            }
        }
    }

    #[test]
    fn a_document_with_any_values_is_refused_or_scores(
        changes in prop::collection::vec((any::<Index>(), any_value()), 1..4)
    ) {
        for mut document in [document(), document_of(small_extended())] {
            for (place, value) in &changes {
                let mut found = Vec::new();
                places(&document, String::new(), &mut found);
                let place = &found[place.index(found.len())];
                *document.pointer_mut(place).unwrap() = value.clone();
            }
            if let Ok(model) = read(&document) {
                score(&model);
            }
        }
    }
}
