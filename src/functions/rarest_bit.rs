//! `rarest_bit(set, counts)`: of the bits of a set, the smallest of their counts, which [`bit_counts`](super::bit_counts) makes.
//!
//! NULL for the empty set, and where the set or the counts are NULL.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, ListArray, UInt32Array};
use arrow::datatypes::{DataType, UInt32Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

pub(super) fn rarest_bit_udf() -> ScalarUDF {
    let counts = DataType::new_list(DataType::UInt32, true);
    ScalarUDF::from(RarestBit {
        signature: Signature::exact(vec![DataType::Int64, counts], Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RarestBit {
    signature: Signature,
}

impl ScalarUDFImpl for RarestBit {
    fn name(&self) -> &str {
        "rarest_bit"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::UInt32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [sets, counts] = &args.args[..] else {
            return exec_err!("rarest_bit takes a set of bits and the counts of bits");
        };
        let sets = sets.to_array(args.number_rows)?;
        let counts = counts.to_array(args.number_rows)?;
        let rarest = rarest(sets.as_primitive(), counts.as_list());
        Ok(ColumnarValue::Array(Arc::new(rarest)))
    }
}

fn rarest(sets: &Int64Array, lists: &ListArray) -> UInt32Array {
    let counts = lists.values().as_primitive::<UInt32Type>();
    let ends = lists.value_offsets();
    let smallest = |(row, set): (usize, Option<i64>)| {
        let mut set = set.filter(|_| lists.is_valid(row))?.cast_unsigned();
        let list = &counts.values()[ends[row] as usize..ends[row + 1] as usize];
        let mut smallest = None;
        while set != 0 {
            let count = list.get(set.trailing_zeros() as usize).copied();
            smallest = [smallest, count].into_iter().flatten().min();
            set &= set - 1;
        }
        smallest
    };
    sets.iter().enumerate().map(smallest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_count_of_the_bits_that_are_set() {
        let counts = |list: Option<[u32; 4]>| list.map(|list| list.map(Some));
        let lists = ListArray::from_iter_primitive::<UInt32Type, _, _>([
            counts(Some([5, 3, 9, 1])),
            counts(Some([5, 3, 9, 1])),
            counts(Some([5, 3, 9, 1])),
            counts(None),
            counts(Some([5, 3, 9, 1])),
        ]);
        let sets = Int64Array::from(vec![Some(0b0101), Some(0b1111), Some(0), Some(1), None]);
        let expected = UInt32Array::from(vec![Some(5), Some(1), None, None, None]);
        assert_eq!(rarest(&sets, &lists), expected);
    }
}
