//! The generators, against NumPy's raw words and scikit-learn's `our_rand_r`.

use crannog::forest::random::{Mt19937, XorShift};
use serde::Deserialize;

use super::vectors::{read_all, same, same_bits};

#[derive(Deserialize)]
struct Rng {
    mt19937: Vec<Words>,
    randint: Vec<Integers>,
    permutation: Vec<Permutation>,
    xorshift: Vec<Values>,
}

#[derive(Deserialize)]
struct Words {
    seed: u32,
    u32_first: Vec<u32>,
    u32_at_620_to_631: Vec<u32>,
    u32_at_1244_to_1255: Vec<u32>,
    f64_first: Vec<f64>,
    randint_0_to_2147483647_exclusive: Vec<u32>,
}

#[derive(Deserialize)]
struct Integers {
    seed: u32,
    high_exclusive: usize,
    values: Vec<usize>,
    next_u32: u32,
}

#[derive(Deserialize)]
struct Permutation {
    seed: u32,
    n: usize,
    values: Vec<usize>,
    next_u32: u32,
}

#[derive(Deserialize)]
struct Values {
    seed: u32,
    values_31_bit: Vec<u32>,
}

#[test]
fn mt19937_gives_numpys_words_doubles_and_seeds() {
    for (file, rng) in read_all::<Rng>("rng.json") {
        for case in rng.mt19937 {
            let place = |field: &str| format!("{file}: mt19937, seed {}, {field}", case.seed);
            let words = |from: u64, n: usize| {
                let mut generator = Mt19937::new(case.seed);
                generator.skip(from);
                (0..n).map(|_| generator.next_u32()).collect::<Vec<_>>()
            };
            let expected = &case.u32_first;
            same(&words(0, expected.len()), expected, &place("u32_first"));
            let expected = &case.u32_at_620_to_631;
            same(&words(620, expected.len()), expected, &place("u32_at_620"));
            let expected = &case.u32_at_1244_to_1255;
            same(
                &words(1244, expected.len()),
                expected,
                &place("u32_at_1244"),
            );

            let mut generator = Mt19937::new(case.seed);
            let doubles: Vec<f64> = case
                .f64_first
                .iter()
                .map(|_| generator.next_f64())
                .collect();
            same_bits(&doubles, &case.f64_first, &place("f64_first"));

            let mut generator = Mt19937::new(case.seed);
            let expected = &case.randint_0_to_2147483647_exclusive;
            let seeds: Vec<u32> = expected.iter().map(|_| generator.next_seed()).collect();
            same(
                &seeds,
                expected,
                &place("randint_0_to_2147483647_exclusive"),
            );
        }
    }
}

#[test]
fn randint_gives_numpys_integers_and_uses_as_many_words() {
    for (file, rng) in read_all::<Rng>("rng.json") {
        for case in rng.randint {
            let place = format!(
                "{file}: randint, seed {}, below {}",
                case.seed, case.high_exclusive
            );
            let mut generator = Mt19937::new(case.seed);
            let draw = |_: &usize| generator.below(case.high_exclusive);
            let values: Vec<usize> = case.values.iter().map(draw).collect();
            same(&values, &case.values, &place);
            assert_eq!(generator.next_u32(), case.next_u32, "{place}: next_u32");
        }
    }
}

#[test]
fn permutation_gives_numpys_order_and_uses_as_many_words() {
    for (file, rng) in read_all::<Rng>("rng.json") {
        for case in rng.permutation {
            let place = format!("{file}: permutation, seed {}, n {}", case.seed, case.n);
            let mut generator = Mt19937::new(case.seed);
            same(&generator.permutation(case.n), &case.values, &place);
            assert_eq!(generator.next_u32(), case.next_u32, "{place}: next_u32");
        }
    }
}

#[test]
fn xorshift_gives_scikit_learns_values() {
    for (file, rng) in read_all::<Rng>("rng.json") {
        for case in rng.xorshift {
            let mut generator = XorShift::new(case.seed);
            let draw = |_: &u32| generator.next_value();
            let values: Vec<u32> = case.values_31_bit.iter().map(draw).collect();
            let place = format!("{file}: xorshift, seed {}", case.seed);
            same(&values, &case.values_31_bit, &place);
        }
    }
}
