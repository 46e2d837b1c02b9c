//! `bit_counts(set)`: over many sets of 64 bits, how many have each bit: a list of 64 numbers, the lowest bit first.
//! They are narrow, since a join copies them to every row: a count of more than 4 billion stays there.
//!
//! NULL is the empty set. No rows have no counts: NULL.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, ListArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, UInt32Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

pub(super) fn bit_counts_udaf() -> AggregateUDF {
    AggregateUDF::from(BitCounts {
        signature: Signature::exact(vec![DataType::Int64], Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct BitCounts {
    signature: Signature,
}

impl AggregateUDFImpl for BitCounts {
    fn name(&self) -> &str {
        "bit_counts"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(counts_type())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(args.name, counts_type(), true))])
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Counts(None)))
    }
}

fn counts_type() -> DataType {
    DataType::new_list(DataType::UInt32, true)
}

/// The count of each bit, once there was a row.
#[derive(Debug)]
struct Counts(Option<Box<[u32; 64]>>);

impl Counts {
    fn counts(&mut self) -> &mut [u32; 64] {
        self.0.get_or_insert_with(|| Box::new([0; 64]))
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let sets = values[0].as_primitive::<Int64Type>();
        if sets.is_empty() {
            return Ok(());
        }
        let counts = self.counts();
        for mut set in sets.iter().flatten().map(i64::cast_unsigned) {
            while set != 0 {
                let count = &mut counts[set.trailing_zeros() as usize];
                *count = count.saturating_add(1);
                set &= set - 1;
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for state in states[0].as_list::<i32>().iter().flatten() {
            let more = state.as_primitive::<UInt32Type>().values();
            for (count, more) in self.counts().iter_mut().zip(more) {
                *count = count.saturating_add(*more);
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let counts = self.0.as_deref().map(|counts| counts.map(Some));
        let list = ListArray::from_iter_primitive::<UInt32Type, _, _>([counts]);
        Ok(ScalarValue::List(Arc::new(list)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.as_deref().map_or(0, size_of_val)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn each_bit_has_its_count_over_all_parts() {
        let mut whole = Counts(None);
        for sets in [vec![Some(0b101), None, Some(0b100)], vec![Some(i64::MIN)]] {
            let mut part = Counts(None);
            part.update_batch(&[Arc::new(Int64Array::from(sets))])
                .unwrap();
            let state = part.state().unwrap()[0].to_array().unwrap();
            whole.merge_batch(&[state]).unwrap();
        }
        let counts = whole.counts();
        assert_eq!((counts[0], counts[1], counts[2], counts[63]), (1, 0, 2, 1));
        assert_eq!(counts.iter().sum::<u32>(), 4);
    }

    #[test]
    fn no_rows_have_no_counts() {
        let mut none = Counts(None);
        let nothing: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
        none.update_batch(&[nothing]).unwrap();
        assert!(none.evaluate().unwrap().is_null());
    }
}
