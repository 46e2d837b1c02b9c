//! A monotone map from values to a few thousand cells, so that a rank is nearly known at once.
//!
//! Only that the map never falls matters, not where it rises: a threshold in a lower cell than a value
//! lies below the value, whatever the rounding. Equal cells decide nothing.

/// Cells of a map.
pub const CELLS: usize = 4_096;
/// Below this, 2²², a whole number plus `TO_UNITS` has the number in its last bits.
const MOST_WHOLE: f32 = 4_194_304.0;
/// 1.5 · 2²³: an `f32` of this size has units as its last bits, so adding it rounds to units.
const TO_UNITS: f32 = 12_582_912.0;

/// How values become cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CellMap {
    /// Cells of equal width from `first` on.
    Linear {
        /// The lowest value of interest.
        first: f32,
        /// Cells in a unit.
        per_unit: f32,
    },
    /// Cells that hold equally many `f32`, so that they widen with the distance from zero.
    Float {
        /// The order of the lowest value of interest among all `f32`.
        first: i32,
        /// The order of the highest.
        last: i32,
        /// 2 to this power is how many `f32` a cell holds.
        shift: u32,
    },
    /// Cell i holds the whole number `first` + i and nothing else.
    Whole {
        /// A whole number not above the lowest threshold.
        first: f32,
        /// A whole number above the highest threshold.
        last: f32,
    },
}

impl CellMap {
    /// Cells of equal width over these thresholds, if their distance is an ordinary number.
    pub fn linear(lowest: f32, highest: f32) -> Option<Self> {
        let per_unit = (CELLS - 1) as f32 / (highest - lowest);
        let map = Self::Linear {
            first: lowest,
            per_unit,
        };
        (per_unit.is_normal() && lowest.is_finite()).then_some(map)
    }

    /// Cells of equally many `f32` over these thresholds.
    pub fn float(lowest: f32, highest: f32) -> Self {
        let (first, last) = (order(lowest), order(highest));
        let span = last.wrapping_sub(first).cast_unsigned();
        let shift = (u32::BITS - span.leading_zeros()).saturating_sub(CELLS.ilog2());
        Self::Float { first, last, shift }
    }

    /// A cell for each whole number about these thresholds, if there are few.
    pub fn whole(lowest: f32, highest: f32) -> Option<Self> {
        let (first, last) = (lowest.floor(), highest.floor() + 1.0);
        let fits = first >= -MOST_WHOLE && last <= MOST_WHOLE && last - first <= (CELLS - 1) as f32;
        fits.then_some(Self::Whole { first, last })
    }

    /// The cells of these values, and whether they are good for the map's purpose: false if any is
    /// NaN, or not whole where the cells are those of whole numbers.
    #[inline(always)]
    pub fn place<const N: usize>(self, values: &[f32; N], cells: &mut [u32; N]) -> bool {
        let mut good = true;
        let pairs = cells.iter_mut().zip(values);
        match self {
            Self::Linear { first, per_unit } => {
                for (cell, value) in pairs {
                    let unit = clamp((value - first) * per_unit, 0.0, (CELLS - 1) as f32);
                    *cell = (unit + TO_UNITS).to_bits() - TO_UNITS.to_bits();
                    good &= !value.is_nan();
                }
            }
            Self::Float { first, last, shift } => {
                for (cell, value) in pairs {
                    let order = order(*value).max(first).min(last);
                    *cell = order.wrapping_sub(first).cast_unsigned() >> shift;
                    good &= !value.is_nan();
                }
            }
            Self::Whole { first, last } => {
                let origin = (first + TO_UNITS).to_bits();
                for (cell, value) in pairs {
                    let near = clamp(*value, first, last);
                    let units = near + TO_UNITS;
                    *cell = units.to_bits() - origin;
                    good &= (units - TO_UNITS == near) & !value.is_nan();
                }
            }
        }
        good
    }
}

/// The place of a number among all `f32`; both zeros have one place.
#[inline(always)]
fn order(value: f32) -> i32 {
    let bits = (value + 0.0).to_bits().cast_signed();
    bits ^ ((bits >> 31) & i32::MAX)
}

/// `f32::clamp` in two instructions. NaN becomes `low`.
#[inline(always)]
fn clamp(value: f32, low: f32, high: f32) -> f32 {
    let value = if value > low { value } else { low };
    if value < high { value } else { high }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_map_ever_falls() {
        let mut values = vec![
            0.0, -0.0, 1e-45, -1e-45, 0.1, -0.3, 1.0, 2.5, 7.0, 1e10, -1e10,
        ];
        values.extend([f32::MIN, f32::MAX, f32::INFINITY, f32::NEG_INFINITY]);
        values.extend((0..2_000).map(|i| ((i * 7_919) % 2_003) as f32 / 97.0 - 9.0));
        values.sort_by(f32::total_cmp);
        let maps = [
            CellMap::linear(-0.3, 7.0).unwrap(),
            CellMap::linear(2.0, 2.0_f32.next_up()).unwrap(),
            CellMap::float(-0.3, 7.0),
            CellMap::float(f32::NEG_INFINITY, f32::INFINITY),
            CellMap::float(3.0, 3.0),
        ];
        for map in maps {
            let cells = values.iter().map(|value| place(map, *value).0);
            let cells: Vec<u32> = cells.collect();
            assert!(cells.is_sorted(), "{map:?}");
            assert!(cells.iter().all(|cell| *cell < CELLS as u32));
        }
    }

    #[test]
    fn whole_numbers_have_a_cell_each_and_others_none() {
        let map = CellMap::whole(-2.5, 4.0).unwrap(); // from −3 to 5
        assert_eq!(place(map, -3.0), (0, true));
        assert_eq!(place(map, -0.0), (3, true));
        assert_eq!(place(map, 4.0), (7, true));
        assert_eq!(place(map, 5.0), (8, true));
        assert_eq!(place(map, f32::INFINITY), (8, true)); // above all thresholds, as 5 is
        assert_eq!(place(map, -1e9), (0, true));
        assert!(!place(map, 0.5).1);
        assert!(!place(map, 1e-30).1);
        assert!(!place(map, f32::NAN).1);
    }

    #[test]
    fn some_ranges_have_no_map() {
        assert_eq!(CellMap::linear(1.0, 1.0), None);
        assert_eq!(CellMap::linear(f32::MIN, f32::MAX), None);
        assert_eq!(CellMap::linear(0.0, f32::INFINITY), None);
        assert_eq!(CellMap::whole(0.0, 5_000.0), None);
        assert_eq!(CellMap::whole(1e9, 1e9), None);
        assert_eq!(CellMap::whole(f32::NEG_INFINITY, 1.0), None);
    }

    fn place(map: CellMap, value: f32) -> (u32, bool) {
        let mut cells = [0];
        let good = map.place(&[value], &mut cells);
        (cells[0], good)
    }
}
