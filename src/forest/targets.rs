//! The random targets scikit-learn grows its trees against.
//!
//! Its isolation trees are regression trees on one random number for each training row. The numbers
//! decide one thing only: a node whose targets are all but equal is not split. That is rare, but the
//! same trees ask for it.

use super::random::Mt19937;

/// The target of each of `n_samples` rows.
pub fn of_all(random_state: u32, n_samples: usize) -> Vec<f64> {
    let mut generator = Mt19937::new(random_state);
    (0..n_samples).map(|_| generator.next_f64()).collect()
}

/// The targets of some rows for each tree, distinct and ascending, in one pass over the stream.
pub fn of_rows(random_state: u32, rows_of_trees: &[&[usize]]) -> Vec<Vec<f64>> {
    let pairs = rows_of_trees.iter().enumerate();
    let mut rows_and_trees: Vec<(usize, usize)> = pairs
        .flat_map(|(tree, rows)| rows.iter().map(move |row| (*row, tree)))
        .collect();
    rows_and_trees.sort_unstable_by_key(|(row, _)| *row);

    let with_room = |rows: &&[usize]| Vec::with_capacity(rows.len());
    let mut targets: Vec<Vec<f64>> = rows_of_trees.iter().map(with_room).collect();
    let mut generator = Mt19937::new(random_state);
    let mut next_row = 0;
    for same_row in rows_and_trees.chunk_by(|(a, _), (b, _)| a == b) {
        let (row, _) = same_row[0];
        generator.skip(2 * (row - next_row) as u64); // two words make a target
        next_row = row + 1;
        let target = generator.next_f64();
        for (_, tree) in same_row {
            targets[*tree].push(target);
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_depends_on_its_row_alone() {
        let all = of_all(42, 701);
        let some = of_rows(42, &[&[0, 3, 700], &[312, 700], &[], &[311]]);
        assert_eq!(some[0], [all[0], all[3], all[700]]);
        assert_eq!(some[1], [all[312], all[700]]);
        assert!(some[2].is_empty());
        assert_eq!(some[3], [all[311]]);
    }

    #[test]
    fn the_first_target_is_the_first_number_of_the_seed() {
        assert_eq!(of_all(42, 1), [0.374_540_118_847_362_5]);
    }
}
