//! The tables of `docs/src/protocol.md` against the constants that the code uses.

use super::*;
use crate::{Exception, OpFlags, RpcError, ServerState, codec};

/// The rows of the page whose first cell is a number, cell by cell, behind the heading that begins with `heading`.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/protocol.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, table) =
        page.split_once(&format!("\n{heading}")).unwrap_or_else(|| panic!("no table under {heading}"));
    let lines =
        table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
    lines.skip(2).map(cells).collect()
}

fn numbers(heading: &str) -> Vec<(i64, String)> {
    let row = |row: Vec<String>| Some((row[0].parse().ok()?, row[1].clone()));
    rows(heading).into_iter().filter_map(row).collect()
}

/// Offset, bytes and name of each row that has numbers.
fn words(heading: &str) -> Vec<(u32, u32, String)> {
    let row = |row: Vec<String>| Some((row[0].parse().ok()?, row[1].parse().ok()?, row[2].clone()));
    rows(heading).into_iter().filter_map(row).collect()
}

fn named(all: &[(u32, u32, &str)]) -> Vec<(u32, u32, String)> {
    all.iter().map(|(at, len, name)| (*at, *len, (*name).to_owned())).collect()
}

#[test]
fn the_header_and_what_follows_is_where_the_page_says() {
    assert_eq!(
        words("## Layout"),
        named(&[
            (AT_MAGIC, 4, "MAGIC"),
            (AT_VERSION, 4, "VERSION"),
            (AT_MAILBOXES, 4, "MAILBOXES"),
            (AT_AREA, 4, "AREA"),
            (AT_NUMBER, 8, "NUMBER"),
            (AT_SERVER_STATE, 4, "SERVER_STATE"),
            (AT_SERVER_VOUCHED, 4, "SERVER_VOUCHED"),
            (AT_SCHEMA_LO, 4, "SCHEMA_LO"),
            (AT_SCHEMA_HI, 4, "SCHEMA_HI"),
            (AT_TABLE_LEN, 4, "TABLE_LEN"),
            (AT_LOOKED, 4, "LOOKED"),
            (AT_EXECUTING, 4, "EXECUTING"),
            (AT_METRICS_TURN, 4, "METRICS_TURN"),
            (AT_BEACON, 16, "BEACON"),
            (AT_DOORBELL, 4, "DOORBELL"),
            (AT_SERVER_SLEEPS, 4, "SERVER_SLEEPS"),
        ])
    );
    let all = rows("## Layout");
    let last: Vec<_> = all[all.len() - 4..].iter().map(|row| row[..2].join(" ")).collect();
    assert_eq!(
        last,
        [
            format!("{HEADER} {MAILBOX}·MAILBOXES"),
            format!("{HEADER} + {MAILBOX}·MAILBOXES AREA·MAILBOXES"),
            format!("behind them {TABLE}"),
            format!("behind that {METERED}·{METRICS}"),
        ]
    );
    let meaning = |name: &str| all.iter().find(|row| row[2] == name).unwrap()[4].clone();
    assert!(meaning("MAGIC").starts_with(&format!("{MAGIC:#010x},")));
    assert_eq!(meaning("VERSION"), LAYOUT_VERSION.to_string());
    assert!(meaning("MAILBOXES").ends_with(&format!("1 to {MAX_MAILBOXES}")));
    assert!(meaning("AREA").contains(&format!("{MIN_AREA} to {MAX_AREA}, a multiple of 64")));
}

#[test]
fn a_mailbox_is_as_the_page_says() {
    let mailbox = Geometry::new(1, MIN_AREA).unwrap().words(0);
    let inline = INLINE as u32;
    assert_eq!(
        words("Bytes that no table names"),
        named(&[
            (mailbox.request - HEADER, 4, "REQUEST"),
            (mailbox.request - HEADER + 4, 4, "REQUEST_OP"),
            (mailbox.request - HEADER + 8, 4, "REQUEST_LEN"),
            (mailbox.request - HEADER + 12, inline, ""),
            (mailbox.response - HEADER, 4, "RESPONSE"),
            (mailbox.response - HEADER + 4, 4, "RESPONSE_STATUS"),
            (mailbox.response - HEADER + 8, 4, "RESPONSE_LEN"),
            (mailbox.response - HEADER + 12, inline, ""),
            (mailbox.taken - HEADER, 4, "TAKEN"),
            (mailbox.owner - HEADER, 4, "OWNER"),
            (mailbox.caller_sleeps - HEADER, 4, "CALLER_SLEEPS"),
            (mailbox.interrupt - HEADER, 4, "INTERRUPT"),
            (mailbox.given_up - HEADER, 4, "GIVEN_UP"),
            (mailbox.waiters - HEADER, 4, "WAITERS"),
            (mailbox.vouched - HEADER, 4, "VOUCHED"),
            (mailbox.waiters - HEADER + 8, 8 * MAX_WAITERS, ""),
            (mailbox.notes - HEADER, 4 * NOTES, "NOTES"),
            (mailbox.since - HEADER, 4, "SINCE"),
        ])
    );
}

#[test]
fn states_flags_and_statuses_are_those_of_the_page() {
    let states: String =
        rows("`SERVER_STATE` changes only").iter().map(|row| row[0].clone() + "; ").collect();
    assert_eq!(
        states,
        format!(
            "NONE {}, STOPPED {}, FAILED {}; SERVING {}; STOPPING {}; OPENING {}; ",
            server_state::NONE,
            server_state::STOPPED,
            server_state::FAILED,
            server_state::SERVING,
            server_state::STOPPING,
            server_state::OPENING
        )
    );
    assert_eq!((server_state::MASK, server_state::SHIFT), (7, 3));

    use request_flags as flag;
    let flags = [
        (flag::ONEWAY, "ONEWAY"),
        (flag::PIECE, "PIECE"),
        (flag::FIRST, "FIRST"),
        (flag::LAST, "LAST"),
        (flag::CONTINUE, "CONTINUE"),
        (flag::BATCH, "BATCH"),
    ];
    let flags = flags.map(|(flag, name)| (i64::from(flag.trailing_zeros()), name.to_owned()));
    assert_eq!(numbers("The flags of `REQUEST_OP`"), flags);
    assert_eq!(flag::asker(0x155), 0x155 >> 1 << 22);

    let statuses = [
        (status::OK, "OK"),
        (status::SERVICE_ERROR, "SERVICE_ERROR"),
        (status::RPC_ERROR, "RPC_ERROR"),
        (status::GO_ON, "GO_ON"),
        (status::LOST, "LOST"),
    ];
    assert_eq!(numbers("## Answers"), statuses.map(|(code, name)| (i64::from(code), name.to_owned())));
    assert_eq!((status::MORE, given_up(5), executing(2, 7)), (256, 11, 512 * 7 + 2 + 1));
    let flags = [OpFlags::ONEWAY, OpFlags::ASYNC, OpFlags::FALLIBLE, OpFlags::RAW, OpFlags::STREAM];
    let bits = flags.map(|flag| postcard::to_stdvec(&flag).unwrap());
    assert_eq!(bits, [1, 2, 4, 8, 16].map(|bit| vec![bit]));
}

#[test]
fn errors_have_the_variants_of_the_page() {
    let text = String::new;
    let errors = [
        RpcError::UnknownOp { service: text(), op: 1 },
        RpcError::malformed("", ""),
        RpcError::Unencodable { what: text(), detail: text() },
        RpcError::TooLarge { len: 1, max: 1 },
        RpcError::SchemaMismatch { service: text(), ours: 1, theirs: 1, difference: text() },
        RpcError::Gone { state: ServerState::Replaced },
        RpcError::TimedOut(std::time::Duration::new(1, 1)),
        RpcError::NoMailbox { mailboxes: 1 },
        RpcError::CannotBlock,
        RpcError::Panicked(text()),
        RpcError::Exception(Exception::default()),
        RpcError::Interrupted,
        RpcError::WouldDeadlock,
    ];
    let variants = errors.map(|error| {
        let mut bytes = Vec::new();
        codec::encode(&error, &mut bytes, "error").unwrap();
        let name = format!("{error:?}");
        (i64::from(bytes[0]), name.split(['(', ' ']).next().unwrap().to_owned())
    });
    assert_eq!(numbers("An error of the framework is an enum"), variants);
}
