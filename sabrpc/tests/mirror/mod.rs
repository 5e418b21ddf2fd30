//! Values of every type that crosses, made at random, sent to a service that sends them back.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::select,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use sabrpc::{BulkIn, BulkOut, CallError, Region, sab_service};
use serde::{Deserialize, Serialize};

/// The smallest that there is: many messages are larger.
pub(crate) const AREA: u32 = sabrpc::layout::MIN_AREA;

/// Floats are equal here if their bits are.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Floats(f32, f64);

impl PartialEq for Floats {
    fn eq(&self, other: &Self) -> bool {
        (self.0.to_bits(), self.1.to_bits()) == (other.0.to_bits(), other.1.to_bits())
    }
}

/// Numbers of every width, and what is as small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scalars {
    signed: (i8, i16, i32, i64, i128, isize),
    unsigned: (u8, u16, u32, u64, u128, usize),
    floats: Floats,
    flag: bool,
    letter: char,
    nothing: (),
    time: Duration,
}

/// Enums in enums, options in options, maps, lists, boxes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Tree {
    Leaf,
    Value(Floats),
    Word(String),
    Bytes { bytes: Vec<u8>, fixed: [u16; 3] },
    Maybe(Option<Option<Box<Tree>>>),
    Many(Vec<Tree>),
    Named(BTreeMap<String, Tree>),
    Numbered(HashMap<i64, Result<bool, char>>),
    Pair(Box<(Tree, Tree)>),
}

/// Sends back what it gets.
#[sab_service]
pub(crate) trait Mirror {
    fn scalars(&self, scalars: Scalars) -> Scalars;
    /// As so many arguments.
    fn apart(&self, a: i64, b: u64, c: i128, d: bool, e: char, f: f64) -> (i64, u64, i128, bool, char, f64);
    fn tree(&self, tree: Tree) -> Tree;
    /// As a result of the service's own, value or error.
    fn either(&self, either: Result<Tree, Tree>) -> Result<Tree, Tree>;
    fn text(&self, text: &str) -> String;
    fn list(&self, list: &[Option<u64>]) -> Vec<Option<u64>>;
    fn bulk(&self, data: BulkIn<'_>, out: BulkOut<'_>) -> Result<(), String>;
}

/// See [`Mirror`].
pub(crate) struct Glass;

impl Mirror for Glass {
    fn scalars(&self, scalars: Scalars) -> Scalars {
        scalars
    }

    fn apart(&self, a: i64, b: u64, c: i128, d: bool, e: char, f: f64) -> (i64, u64, i128, bool, char, f64) {
        (a, b, c, d, e, f)
    }

    fn tree(&self, tree: Tree) -> Tree {
        tree
    }

    fn either(&self, either: Result<Tree, Tree>) -> Result<Tree, Tree> {
        either
    }

    fn text(&self, text: &str) -> String {
        text.to_owned()
    }

    fn list(&self, list: &[Option<u64>]) -> Vec<Option<u64>> {
        list.to_vec()
    }

    fn bulk(&self, data: BulkIn<'_>, mut out: BulkOut<'_>) -> Result<(), String> {
        out.write_at(0, &data.to_vec());
        Ok(())
    }
}

/// All floats, and more often those that are special: zeros, infinities, subnormals, quiet and signalling NaNs.
fn floats() -> impl Strategy<Value = Floats> {
    const SPECIAL: [u64; 10] = [
        0,
        1 << 63,
        1,
        0x7FF0_0000_0000_0000,
        0xFFF0_0000_0000_0000,
        0x7FF8_0000_0000_0000,
        0x7FF0_0000_0000_0001,
        0xFFFF_FFFF_FFFF_FFFF,
        0x000F_FFFF_FFFF_FFFF,
        0x7FEF_FFFF_FFFF_FFFF,
    ];
    let wide = prop_oneof![any::<u64>(), select(&SPECIAL[..])].prop_map(f64::from_bits);
    let special = SPECIAL.map(|bits| f64::from_bits(bits) as f32);
    let narrow = prop_oneof![
        any::<u32>().prop_map(f32::from_bits),
        select(special.to_vec()),
        Just(f32::from_bits(0x7F80_0001)),
    ];
    (narrow, wide).prop_map(|(narrow, wide)| Floats(narrow, wide))
}

/// Numbers of which many are at the ends of their range.
fn scalars() -> impl Strategy<Value = Scalars> {
    let wide = || prop_oneof![any::<i128>(), select(&[0, -1, i128::MIN, i128::MAX, 1 << 64][..])];
    let time = (any::<u64>(), 0..1_000_000_000_u32);
    (wide(), wide(), floats(), any::<bool>(), any::<char>(), time).prop_map(
        |(a, b, floats, flag, letter, (seconds, nanos))| Scalars {
            signed: (a as i8, a as i16, a as i32, a as i64, a, a as i32 as isize),
            unsigned: (b as u8, b as u16, b as u32, b as u64, b as u128, b as u32 as usize),
            floats,
            flag,
            letter,
            nothing: (),
            time: Duration::new(seconds, nanos),
        },
    )
}

fn text(most: usize) -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..most).prop_map(|letters| letters.into_iter().collect())
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Leaf),
        floats().prop_map(Tree::Value),
        text(40).prop_map(Tree::Word),
        (vec(any::<u8>(), 0..200), any::<[u16; 3]>()).prop_map(|(bytes, fixed)| Tree::Bytes { bytes, fixed }),
        btree_map(any::<i64>(), prop_oneof![any::<bool>().prop_map(Ok), any::<char>().prop_map(Err)], 0..20)
            .prop_map(|map| Tree::Numbered(map.into_iter().collect())),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            option::of(option::of(inner.clone().prop_map(Box::new))).prop_map(Tree::Maybe),
            vec(inner.clone(), 0..6).prop_map(Tree::Many),
            btree_map(text(9), inner.clone(), 0..6).prop_map(Tree::Named),
            (inner.clone(), inner).prop_map(|pair| Tree::Pair(Box::new(pair))),
        ]
    })
}

/// Lengths from none to far beyond the area, and more often those where something else begins: the ends of what lies in
/// the mailbox, in the area, and in a few areas.
fn len() -> impl Strategy<Value = usize> {
    let edges: Vec<usize> =
        [112, 4096 - 1024, 4096, 2 * 4096].into_iter().flat_map(|edge| edge - 12..edge + 13).collect();
    prop_oneof![4 => 0..300_usize, 4 => select(edges), 2 => 0..20_000_usize, 1 => 0..400_000_usize]
}

/// Sends `calls` of each kind, and looks at what comes back.
pub(crate) fn values_come_back<R: Region>(client: &MirrorClient<R>, calls: u32) {
    round_trip(calls, scalars(), |sent| {
        prop_assert_eq!(client.scalars(sent.clone()), Ok(sent.clone()));
        let Scalars { signed: (.., d, e, _), unsigned: (.., u, _, _), .. } = sent;
        let (flag, letter, float) = (sent.flag, sent.letter, sent.floats.1);
        let (a, b, c, d, e, f) = client.apart(d, u, e, flag, letter, float).unwrap();
        prop_assert_eq!(
            (a, b, c, d, e, f.to_bits()),
            (sent.signed.3, u, sent.signed.4, flag, letter, float.to_bits())
        );
        Ok(())
    });
    round_trip(calls, tree(), |sent| {
        prop_assert_eq!(client.tree(sent.clone()), Ok(sent.clone()));
        prop_assert_eq!(client.either(Ok(sent.clone())), Ok(sent.clone()));
        prop_assert_eq!(client.either(Err(sent.clone())), Err(CallError::Service(sent)));
        Ok(())
    });
    round_trip(calls, (text(300), len(), vec(option::of(any::<u64>()), 0..700)), |(sent, len, list)| {
        let long = sent.repeat(len / 1000);
        prop_assert_eq!(client.text(&long), Ok(long));
        prop_assert_eq!(client.text(&sent), Ok(sent));
        prop_assert_eq!(client.list(&list), Ok(list));
        Ok(())
    });
}

/// The same for bytes beside the arguments, from and to any address.
pub(crate) fn bytes_come_back<R: Region>(client: &MirrorClient<R>, calls: u32) {
    let pool: Vec<u8> = (0..400_100_u32).map(|at| (at.wrapping_mul(0x9E37_79B9) >> 24) as u8).collect();
    round_trip(calls, (len(), 0..9_usize, 0..9_usize, 0..5_usize), |(len, from, to, spare)| {
        let sent = &pool[from..from + len];
        let mut room = std::vec![0xEE; to + len + spare + 1];
        let end = room.len() - 1;
        prop_assert_eq!(client.bulk(sent, &mut room[to..end]), Ok(()));
        prop_assert!(room[to..to + len] == *sent, "{} bytes", len);
        let around = room[..to].iter().chain(&room[to + len..]);
        prop_assert!(around.into_iter().all(|byte| *byte == 0xEE), "beside {} bytes", len);
        Ok(())
    });
}

/// Runs `test` on `cases` values, the same ones each time; what fails is made smaller.
fn round_trip<S: Strategy>(cases: u32, values: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S::Value: Clone,
{
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    if let Err(failure) = runner.run(&values, test) {
        panic!("{failure}");
    }
}
