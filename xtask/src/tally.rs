//! Counting tests: what the test programs of a step say about themselves, and the closing line.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    pub(crate) const PASSED: Tally = Tally { passed: 1, failed: 0 };
    pub(crate) const FAILED: Tally = Tally { passed: 0, failed: 1 };

    /// Adds what a line of a test program's output counts, such as
    /// `test result: ok. 3 passed; 0 failed; 0 ignored`; other lines count nothing.
    pub(crate) fn read_line(&mut self, line: &str) {
        let Some((_, counts)) = line.split_once("test result: ") else {
            return;
        };
        for count in counts.split([';', '.']) {
            let Some((number, what)) = count.trim().split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                _ => {}
            }
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_lines_of_test_programs_and_no_others() {
        let mut tally = Tally::default();
        tally.read_line("running 12 tests");
        tally.read_line("test result: ok. 11 passed; 0 failed; 1 ignored; 0 measured; finished in 0.01s");
        tally.read_line(
            "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 filtered out; finished in 1.2s",
        );
        tally.read_line("7 passed");
        assert_eq!(tally, Tally { passed: 13, failed: 3 });
        assert_eq!(tally.to_string(), "13 passed, 3 failed");
    }
}
