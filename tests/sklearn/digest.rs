//! The digest of the vectors: FNV-1a, 64 bit, over little-endian bytes.

/// A digest in the making.
pub struct Digest(u64);

impl Digest {
    pub fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub fn i64s(mut self, values: impl IntoIterator<Item = i64>) -> Self {
        values
            .into_iter()
            .for_each(|value| self.add(value.to_le_bytes()));
        self
    }

    pub fn f64s(mut self, values: impl IntoIterator<Item = f64>) -> Self {
        values
            .into_iter()
            .for_each(|value| self.add(value.to_le_bytes()));
        self
    }

    /// 16 hex digits.
    pub fn hex(&self) -> String {
        format!("{:016x}", self.0)
    }

    fn add(&mut self, bytes: [u8; 8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

#[test]
fn the_digest_of_nothing_is_the_start_value_of_fnv() {
    assert_eq!(Digest::new().hex(), "cbf29ce484222325");
    // One byte 0x61 and seven zeros: each zero byte is one more multiplication.
    let a = (0xcbf2_9ce4_8422_2325_u64 ^ 0x61).wrapping_mul(0x100_0000_01b3);
    let expected = (0..7).fold(a, |hash, _| hash.wrapping_mul(0x100_0000_01b3));
    assert_eq!(Digest::new().i64s([0x61]).hex(), format!("{expected:016x}"));
}
