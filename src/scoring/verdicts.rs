//! What the model says of each row, by the row's place in the order of the keys.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, UInt32Array,
};
use arrow::compute::{concat, take};
use arrow::error::ArrowError;

use super::{anomaly_score, budget};
use crate::job::Job;

/// The columns that a model adds to a feature row, of all rows.
#[derive(Debug)]
pub struct Verdicts<'a> {
    score_samples: &'a [f64],
    offset: f64,
    /// 1 is the strangest.
    ranks: Vec<u32>,
    /// All are, where it is not said.
    within: Option<BooleanArray>,
    /// By whose word each row is suppressed, in pieces; the first rows' come first.
    suppressed: &'a [ArrayRef],
}

impl<'a> Verdicts<'a> {
    /// `score_samples` and `offset` have scikit-learn's signs: low is strange; `order` is
    /// [`super::strangest_first`] of them; `times` has, for as many rows, the job's time column where there is a budget; `suppressed`
    /// says of each batch of rows by what each is, and what is reported begins at `reported_from`, in microseconds.
    ///
    /// # Errors
    /// A time column that tells no days, where the job has a budget.
    pub fn new(
        job: &Job,
        times: &[RecordBatch],
        score_samples: &'a [f64],
        offset: f64,
        order: &[u32],
        suppressed: &'a [ArrayRef],
        reported_from: i64,
    ) -> Result<Self, ArrowError> {
        let within = match job.budget {
            None => None,
            Some(budget) => {
                let order = order.iter().map(|row| *row as usize);
                let window = &job.window;
                Some(budget::within(
                    budget,
                    window,
                    reported_from,
                    times,
                    suppressed,
                    order,
                )?)
            }
        };
        Ok(Self {
            score_samples,
            offset,
            ranks: ranks(order),
            within,
            suppressed,
        })
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.score_samples.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The columns of some rows that stand one after the other.
    pub fn of_range(&self, rows: Range<usize>) -> Result<[ArrayRef; 5], ArrowError> {
        let within = match &self.within {
            None => all_are(rows.len()),
            Some(within) => Arc::new(within.slice(rows.start, rows.len())),
        };
        let suppressed = self.suppressed(rows.clone())?;
        Ok(self.columns(rows, within, suppressed))
    }

    /// The columns of the rows at some places.
    pub fn of_places(&self, places: &[u32]) -> Result<[ArrayRef; 5], ArrowError> {
        let at = UInt32Array::from(places.to_vec());
        let within = match &self.within {
            None => all_are(places.len()),
            Some(within) => take(within, &at, None)?,
        };
        let suppressed = take(&self.suppressed(0..self.len())?, &at, None)?;
        let places = places.iter().map(|place| *place as usize);
        Ok(self.columns(places, within, suppressed))
    }

    fn columns(
        &self,
        rows: impl Iterator<Item = usize> + Clone,
        within: ArrayRef,
        suppressed: ArrayRef,
    ) -> [ArrayRef; 5] {
        let scores = rows.clone().map(|row| self.score_samples[row]);
        let prediction = |score: f64| if score - self.offset < 0.0 { -1 } else { 1 };
        [
            Arc::new(Float64Array::from_iter_values(
                scores.clone().map(anomaly_score),
            )),
            Arc::new(Int64Array::from_iter_values(scores.map(prediction))),
            Arc::new(Int64Array::from_iter_values(
                rows.map(|row| i64::from(self.ranks[row])),
            )),
            within,
            suppressed,
        ]
    }

    /// Of rows that stand one after the other, in one piece.
    fn suppressed(&self, rows: Range<usize>) -> Result<ArrayRef, ArrowError> {
        let mut pieces = Vec::new();
        let mut start = 0;
        for batch in self.suppressed {
            let end = start + batch.len();
            let (from, to) = (rows.start.max(start), rows.end.min(end));
            if from < to {
                pieces.push(batch.slice(from - start, to - from));
            }
            start = end;
        }
        match &pieces[..] {
            [one] => Ok(Arc::clone(one)),
            many => concat(&many.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>()),
        }
    }
}

fn all_are(rows: usize) -> ArrayRef {
    Arc::new(BooleanArray::from(vec![true; rows]))
}

/// 1 for the first of the order, and so on.
fn ranks(order: &[u32]) -> Vec<u32> {
    let mut ranks = vec![0; order.len()];
    for (rank, row) in (1..).zip(order) {
        ranks[*row as usize] = rank;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_order_has_rank_one() {
        assert_eq!(ranks(&[1, 3, 0, 2]), [3, 1, 4, 2]);
    }
}
