//! The arithmetic between path lengths and predictions, and the roundings before the forest.

use crannog::forest::percentile::percentile;
use crannog::forest::{Scorer, average_path_length};
use serde::Deserialize;

use super::vectors::{read_all, same_bits};

#[derive(Deserialize)]
struct Math {
    parser_check: Vec<Decimal>,
    average_path_length: Vec<AveragePathLength>,
    pow2_negative: Powers,
    percentile_linear: Vec<Percentile>,
    f64_to_f32: Vec<FromFloat>,
    i64_to_f32: Vec<FromInteger>,
}

#[derive(Deserialize)]
struct Decimal {
    decimal: f64,
    bits: String,
}

#[derive(Deserialize)]
struct AveragePathLength {
    n: usize,
    value: f64,
}

#[derive(Deserialize)]
struct Powers {
    x: Vec<f64>,
    y: Vec<f64>,
}

#[derive(Deserialize)]
struct Percentile {
    contamination: f64,
    values: Vec<f64>,
    result: f64,
}

#[derive(Deserialize)]
struct FromFloat {
    f64: f64,
    f32_bits: String,
}

#[derive(Deserialize)]
struct FromInteger {
    i64: String,
    direct_f32_bits: String,
    via_f64_f32_bits: String,
}

#[test]
fn decimals_are_read_to_the_bit() {
    for (file, math) in read_all::<Math>("math.json") {
        for case in math.parser_check {
            let bits = format!("{:016x}", case.decimal.to_bits());
            assert_eq!(bits, case.bits, "{file}: parser_check, {}", case.decimal);
        }
    }
}

#[test]
fn average_path_length_is_scikit_learns() {
    for (file, math) in read_all::<Math>("math.json") {
        for case in math.average_path_length {
            let place = format!("{file}: average_path_length of {}", case.n);
            same_bits(&[average_path_length(case.n)], &[case.value], &place);
        }
    }
}

#[test]
fn a_score_is_the_c_librarys_power_of_two() {
    // One tree of two rows: c(2) = 1, so the depth sum is the exponent itself.
    let scorer = Scorer::new(1, 2);
    for (file, math) in read_all::<Math>("math.json") {
        let powers: Vec<f64> = math
            .pow2_negative
            .x
            .iter()
            .map(|x| -scorer.score(*x))
            .collect();
        let place = format!("{file}: pow2_negative, y");
        same_bits(&powers, &math.pow2_negative.y, &place);
    }
}

#[test]
fn percentile_is_numpys_linear_one() {
    for (file, math) in read_all::<Math>("math.json") {
        for (i, mut case) in math.percentile_linear.into_iter().enumerate() {
            let place = format!("{file}: percentile_linear [{i}]");
            let found = percentile(&mut case.values, case.contamination).unwrap();
            same_bits(&[found], &[case.result], &place);
        }
    }
}

#[test]
fn numbers_round_to_f32_as_numpys_do() {
    for (file, math) in read_all::<Math>("math.json") {
        for case in math.f64_to_f32 {
            let bits = hex(case.f64 as f32);
            assert_eq!(bits, case.f32_bits, "{file}: f64_to_f32, {:e}", case.f64);
        }
        for case in math.i64_to_f32 {
            let integer: i64 = case.i64.parse().unwrap();
            let place = format!("{file}: i64_to_f32, {integer}");
            assert_eq!(hex(integer as f32), case.direct_f32_bits, "{place}");
            assert_eq!(hex(integer as f64 as f32), case.via_f64_f32_bits, "{place}");
        }
    }
}

fn hex(value: f32) -> String {
    format!("{:08x}", value.to_bits())
}
