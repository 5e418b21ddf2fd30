//! What every thread of the VFS asks of its platform: the time, and random bytes.

use std::time::Duration;

/// Milliseconds since 1970.
pub(crate) fn unix_millis() -> i64 {
    imp::unix_millis()
}

/// A clock that only goes forward.
pub(crate) fn now() -> Duration {
    imp::now()
}

/// Fills `out` with random bytes and says how many were; SQLite seeds its generator and its journals' nonces with them.
pub(crate) fn random(out: &mut [u8]) -> usize {
    imp::random(out)
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use std::hash::{BuildHasher, RandomState};
    use std::sync::LazyLock;
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    pub(super) fn now() -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    pub(super) fn unix_millis() -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    /// Each `RandomState` has keys of its own that come from the operating system's generator.
    pub(super) fn random(out: &mut [u8]) -> usize {
        for (count, piece) in out.chunks_mut(8).enumerate() {
            let word = RandomState::new().hash_one(count).to_le_bytes();
            piece.copy_from_slice(&word[..piece.len()]);
        }
        out.len()
    }
}

#[cfg(target_arch = "wasm32")]
mod imp {
    use std::time::Duration;

    use js_sys::Uint8Array;
    use wasm_bindgen::prelude::*;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
        fn get_random_values(into: &Uint8Array) -> Result<Uint8Array, JsValue>;

        #[wasm_bindgen(js_namespace = performance, js_name = now)]
        fn performance_now() -> f64;
    }

    pub(super) fn now() -> Duration {
        Duration::from_secs_f64(performance_now().max(0.0) / 1e3)
    }

    /// `getRandomValues` gives no more at once.
    const MOST: usize = 65_536;

    pub(super) fn unix_millis() -> i64 {
        // Milliseconds since 1970 are far below 2^53.
        js_sys::Date::now() as i64
    }

    pub(super) fn random(out: &mut [u8]) -> usize {
        let mut done = 0;
        for piece in out.chunks_mut(MOST) {
            let array = Uint8Array::new_with_length(piece.len() as u32);
            if get_random_values(&array).is_err() {
                break;
            }
            array.copy_to(piece);
            done += piece.len();
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_past_the_year_2020() {
        assert!(unix_millis() > 1_577_836_800_000);
    }

    #[test]
    fn random_bytes_differ() {
        let (mut a, mut b) = ([0; 61], [0; 61]);
        assert_eq!((random(&mut a), random(&mut b)), (61, 61));
        assert_ne!(a, b);
        assert!(a.iter().any(|byte| *byte != a[0]));
    }
}
