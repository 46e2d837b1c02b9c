//! Values on their way into cache before they are read.
//!
//! A block reads a short piece of every column, shorter than what makes a processor fetch ahead by
//! itself; so it asks for the next block's pieces.

use fearless_simd::Simd;

/// Asks for these values; does nothing on machines other than x86-64.
#[inline(always)]
pub fn prefetch<S: Simd>(simd: S, values: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = simd.level().as_sse2() {
        into_second_cache(simd, values);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (simd, values);
}

#[cfg(target_arch = "x86_64")]
fearless_simd::kernel! {
    #[inline(always)]
    fn into_second_cache(simd: Sse2, values: &[f32]) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        let _ = simd;
        for line in values.chunks(16) {
            _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast());
        }
    }
}
