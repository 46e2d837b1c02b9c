//! `line_features(line)`: an aggregate, what the forms of many command lines tell, each read in one pass over its bytes.
//!
//! A struct of three numbers:
//!
//! - `length`: bytes of the longest line.
//! - `signs`: a set of bits, the ways in which one of the lines hides or fetches something: see [`line::Sign`].
//! - `forms`: a set of 64 bits (of a signed number, which a Delta table can hold), each the form of some lines, chosen by a
//!   hash of a line without what changes from one start to the next. Lines that differ in case, in numbers and codes, or in
//!   the name of the user's folder have the same form. So a set of forms has a fixed size: 64 rare forms and 64,000 take
//!   the same room, and a program whose lines are always new has soon all bits, so that one more is no news.
//!
//! NULL is a line of no bytes. A byte above 127 is a letter: other alphabets are not odd.

mod line;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int16Array, Int32Array, Int64Array, StructArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int16Type, Int32Type, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

pub(super) fn line_features_udaf() -> AggregateUDF {
    AggregateUDF::from(LineFeatures {
        signature: Signature::uniform(
            1,
            vec![DataType::Utf8View, DataType::Utf8, DataType::LargeUtf8],
            Volatility::Immutable,
        ),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LineFeatures {
    signature: Signature,
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("length", DataType::Int32, false),
        Field::new("signs", DataType::Int16, false),
        Field::new("forms", DataType::Int64, false),
    ])
}

impl AggregateUDFImpl for LineFeatures {
    fn name(&self) -> &'static str {
        "line_features"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let named = |field: &FieldRef| {
            let name = format!("{}[{}]", args.name, field.name());
            Arc::new(field.as_ref().clone().with_name(name))
        };
        Ok(fields().iter().map(named).collect())
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One(Groups::with(1))))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups::default()))
    }
}

/// What is known of the lines of each group.
#[derive(Debug, Default)]
struct Groups {
    lengths: Vec<i32>,
    signs: Vec<i16>,
    forms: Vec<i64>,
}

impl Groups {
    fn with(groups: usize) -> Self {
        let mut all = Self::default();
        all.grow(groups);
        all
    }

    fn grow(&mut self, groups: usize) {
        self.lengths.resize(groups, 0);
        self.signs.resize(groups, 0);
        self.forms.resize(groups, 0);
    }

    fn add(&mut self, group: usize, length: i32, signs: i16, forms: i64) {
        self.lengths[group] = self.lengths[group].max(length);
        self.signs[group] |= signs;
        self.forms[group] |= forms;
    }

    /// Reads lines, each into the group that `group` names for its row, if it names one.
    fn read(&mut self, lines: &ArrayRef, group: impl Fn(usize) -> Option<usize>) -> Result<()> {
        match lines.data_type() {
            DataType::Utf8View => self.read_all(lines.as_string_view().iter(), group),
            DataType::Utf8 => self.read_all(lines.as_string::<i32>().iter(), group),
            _ => {
                let lines = cast(lines, &DataType::Utf8View)?;
                self.read_all(lines.as_string_view().iter(), group);
            }
        }
        Ok(())
    }

    fn read_all<'a>(
        &mut self,
        lines: impl Iterator<Item = Option<&'a str>>,
        group: impl Fn(usize) -> Option<usize>,
    ) {
        // Lines repeat: of a few thousand that follow each other, a third or less are new.
        let mut seen: Vec<(&[u8], i16, i64)> = vec![(&[], 0, line::read(&[]).1); SEEN];
        for (row, line) in lines.enumerate() {
            let Some(group) = group(row) else { continue };
            let line = line.unwrap_or_default().as_bytes();
            let known = &mut seen[place(line)];
            if known.0 != line {
                let (signs, form) = line::read(line);
                *known = (line, signs, form);
            }
            let length = i32::try_from(line.len()).unwrap_or(i32::MAX);
            self.add(group, length, known.1, known.2);
        }
    }

    fn take(&mut self, emit: EmitTo) -> Vec<ArrayRef> {
        vec![
            Arc::new(Int32Array::from(emit.take_needed(&mut self.lengths))),
            Arc::new(Int16Array::from(emit.take_needed(&mut self.signs))),
            Arc::new(Int64Array::from(emit.take_needed(&mut self.forms))),
        ]
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let counts =
            |row: usize| opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        self.read(&values[0], |row| counts(row).then(|| group_indices[row]))
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let lengths = values[0].as_primitive::<Int32Type>().values();
        let signs = values[1].as_primitive::<Int16Type>().values();
        let forms = values[2].as_primitive::<Int64Type>().values();
        for (row, group) in group_indices.iter().enumerate() {
            self.add(*group, lengths[row], signs[row], forms[row]);
        }
        Ok(())
    }

    /// Each row as a group of its own.
    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows: Vec<_> = (0..values[0].len()).collect();
        let mut alone = Self::default();
        alone.update_batch(values, &rows, opt_filter, rows.len())?;
        Ok(alone.take(EmitTo::All))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(self.take(emit_to))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let columns = self.take(emit_to);
        Ok(Arc::new(StructArray::try_new(fields(), columns, None)?))
    }

    fn size(&self) -> usize {
        self.lengths.capacity() * 4 + self.signs.capacity() * 2 + self.forms.capacity() * 8
    }
}

/// All rows as one group.
#[derive(Debug)]
struct One(Groups);

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.read(&values[0], |_| Some(0))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states, &vec![0; states[0].len()], 1)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            ScalarValue::from(self.0.lengths[0]),
            ScalarValue::from(self.0.signs[0]),
            ScalarValue::from(self.0.forms[0]),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let state = self.state()?;
        let columns = state
            .iter()
            .map(ScalarValue::to_array)
            .collect::<Result<_>>()?;
        let lines = StructArray::try_new(fields(), columns, None)?;
        Ok(ScalarValue::Struct(Arc::new(lines)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.size()
    }
}

/// Lines of a batch that are remembered.
const SEEN: usize = 1 << 12;

/// Where a line is remembered: by its length and four samples of eight bytes.
fn place(line: &[u8]) -> usize {
    let mut hash = line.len() as u64;
    if let Some(last) = line.len().checked_sub(8) {
        for start in [last / 4, last / 2, last / 4 * 3, last] {
            if let Some((sample, _)) = line[start..].split_first_chunk() {
                hash = line::mixed(hash, u64::from_le_bytes(*sample));
            }
        }
    } else {
        for byte in line {
            hash = line::mixed(hash, u64::from(*byte));
        }
    }
    (line::mixed(hash, 0) >> 52) as usize
}

#[cfg(test)]
mod tests {
    use arrow::array::{LargeStringArray, StringArray, StringViewArray};

    use super::*;

    #[test]
    fn every_kind_of_text_is_read_and_null_is_a_line_of_no_bytes() {
        let lines = [Some("ping 10.0.0.1"), None, Some(""), Some("é🏝\u{0}")];
        let kinds: [ArrayRef; 3] = [
            Arc::new(StringArray::from(lines.to_vec())),
            Arc::new(StringViewArray::from(lines.to_vec())),
            Arc::new(LargeStringArray::from(lines.to_vec())),
        ];
        for kind in kinds {
            let mut groups = Groups::default();
            groups
                .update_batch(&[kind], &[0, 1, 2, 3], None, 4)
                .unwrap();
            assert_eq!(groups.lengths, [13, 0, 0, 7]);
            assert_eq!(groups.signs, [16, 0, 0, 0]);
            assert_eq!(groups.forms[1], groups.forms[2]);
        }
    }

    #[test]
    fn a_group_has_the_longest_line_all_signs_and_all_forms_of_its_parts() {
        let text = |lines: &[&str]| -> ArrayRef { Arc::new(StringArray::from(lines.to_vec())) };
        let mut whole = Groups::default();
        let parts = [
            text(&["ping 10.0.0.1", "a"]),
            text(&["start https://example.com", "a"]),
        ];
        for part in parts {
            let mut some = Groups::default();
            some.update_batch(&[part], &[0, 1], None, 2).unwrap();
            let state = some.state(EmitTo::All).unwrap();
            whole.merge_batch(&state, &[0, 1], 2).unwrap();
        }
        assert_eq!(
            (whole.lengths[..].to_vec(), whole.signs[..].to_vec()),
            (vec![25, 1], vec![24, 0])
        );
        let forms: Vec<_> = whole.forms.iter().map(|forms| forms.count_ones()).collect();
        assert_eq!(forms, [2, 1]);

        let mut one = One(Groups::with(1));
        one.update_batch(&[text(&["ping 10.0.0.1", "start https://example.com"])])
            .unwrap();
        assert_eq!(one.0.forms[0], whole.forms[0]);
    }
}
