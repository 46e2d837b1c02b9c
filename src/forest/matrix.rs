//! The table a forest learns from and scores: named columns of `f32`.
//!
//! scikit-learn turns every value into `f32` before the forest sees it, so that is what we hold.
//! NaN stands for a missing value; infinities are allowed.

use rayon::prelude::*;

use super::ForestError;

/// Dense columns of `f32` of equal length, each with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMatrix {
    feature_names: Vec<String>,
    columns: Vec<Vec<f32>>,
    n_samples: usize,
}

impl FeatureMatrix {
    /// A matrix of one name and one column for each feature. No rows is fine, no columns is not.
    pub fn try_new(
        feature_names: Vec<String>,
        columns: Vec<Vec<f32>>,
    ) -> Result<Self, ForestError> {
        if feature_names.len() != columns.len() {
            return Err(ForestError::NameCount {
                names: feature_names.len(),
                columns: columns.len(),
            });
        }
        let n_samples = columns
            .first()
            .ok_or(ForestError::Empty { what: "columns" })?
            .len();
        for (name, column) in feature_names.iter().zip(&columns) {
            if column.len() != n_samples {
                return Err(ForestError::ColumnLength {
                    column: name.clone(),
                    found: column.len(),
                    first: feature_names[0].clone(),
                    expected: n_samples,
                });
            }
        }
        Ok(Self {
            feature_names,
            columns,
            n_samples,
        })
    }

    /// How many rows.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// How many columns, at least one.
    pub fn n_features(&self) -> usize {
        self.columns.len()
    }

    /// The values of column `i`, one for each row.
    ///
    /// # Panics
    ///
    /// If there is no column `i`.
    pub fn column(&self, i: usize) -> &[f32] {
        &self.columns[i]
    }

    /// The names of the columns, in order.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// An error if a value is missing.
    pub(super) fn check_complete(&self) -> Result<(), ForestError> {
        let is_missing = |column: &Vec<f32>| column.iter().any(|value| value.is_nan());
        match self.columns.par_iter().position_first(is_missing) {
            None => Ok(()),
            Some(i) => Err(ForestError::MissingValue {
                column: self.feature_names[i].clone(),
            }),
        }
    }

    /// An error unless the columns are those of the training table, in the same order.
    pub(super) fn check_columns(&self, learned: &[String]) -> Result<(), ForestError> {
        if self.n_features() != learned.len() {
            return Err(ForestError::ColumnCount {
                expected: learned.len(),
                found: self.n_features(),
            });
        }
        let pairs = learned.iter().zip(&self.feature_names);
        match pairs.enumerate().find(|(_, (a, b))| a != b) {
            None => Ok(()),
            Some((i, (expected, found))) => Err(ForestError::ColumnName {
                position: i + 1,
                expected: expected.clone(),
                found: found.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_different_length_are_refused_by_name() {
        let error = FeatureMatrix::try_new(names("a b"), vec![vec![1.0, 2.0], vec![1.0]]);
        assert_eq!(
            error.unwrap_err().to_string(),
            "column `b` has 1 rows, but column `a` has 2"
        );
    }

    #[test]
    fn a_matrix_needs_a_name_for_each_column_and_at_least_one_column() {
        let unnamed = FeatureMatrix::try_new(names("a b"), vec![vec![1.0]]);
        assert_eq!(
            unnamed,
            Err(ForestError::NameCount {
                names: 2,
                columns: 1
            })
        );
        let empty = FeatureMatrix::try_new(vec![], vec![]);
        assert_eq!(empty, Err(ForestError::Empty { what: "columns" }));
    }

    #[test]
    fn swapped_columns_are_not_the_columns_that_were_learned() {
        let x = FeatureMatrix::try_new(names("b a"), vec![vec![], vec![]]).unwrap();
        let error = x.check_columns(&names("a b")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column 1 is `b`, but the forest learned `a` there"
        );
        assert_eq!(
            x.check_columns(&names("b")),
            Err(ForestError::ColumnCount {
                expected: 1,
                found: 2
            })
        );
    }

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_string).collect()
    }
}
