//! The protocol under a model checker: every interleaving of callers and server, up to a bound.
//!
//! What runs is the code that ships, over the region in `model/mod.rs`. Each scenario is run with every schedule that has
//! at most so many preemptions (two, or `SABRPC_MODEL_PREEMPTIONS`), and for so many seconds at most (ten, or
//! `SABRPC_MODEL_SECONDS`; 0 for as long as it takes). A schedule in which somebody waits forever, takes bytes that were
//! not handed over, or gets an answer that is not his own, fails. The second half shows that it does: each fault that is
//! planted there fails a scenario for the reason that it should.
#![cfg(not(target_family = "wasm"))]

mod model;
mod probe;
mod region;

use std::panic::{AssertUnwindSafe, catch_unwind};

use model::{
    Fault, Model, block_on,
    scenario::{self, explore},
};
use sabrpc::Channel;

/// What is true of the model's region is true of the others: it passes the suite that they do.
#[test]
fn the_region_of_the_model_passes() {
    scenario::alone(|| {
        let region = Model::plain(region::SIZE, &region::WAITED_FOR);
        let other = region.clone();
        block_on(std::pin::pin!(region::suite(&region, &other)));
        for (name, mut misuse) in region::misuses(&region) {
            assert!(catch_unwind(AssertUnwindSafe(&mut misuse)).is_err(), "{name} was not refused");
        }
    });
}

fn holds(scenario: fn(Channel<Model>)) {
    explore(Fault::None, scenario);
}

#[test]
fn one_caller() {
    holds(scenario::one_caller);
}

#[test]
fn two_callers() {
    holds(scenario::two_callers);
}

#[test]
fn one_way_calls() {
    holds(scenario::one_way_calls);
}

#[test]
fn an_async_method() {
    holds(scenario::async_method);
}

#[test]
fn a_deadline_against_a_late_answer() {
    holds(scenario::deadline);
}

#[test]
fn a_task_that_is_given_up() {
    holds(scenario::given_up);
}

#[test]
fn an_interrupt() {
    holds(scenario::interrupt);
}

#[test]
fn messages_in_pieces() {
    holds(scenario::pieces);
}

#[test]
fn a_stop() {
    holds(scenario::stop);
}

#[test]
fn the_death_of_a_server() {
    holds(scenario::death);
}

#[test]
fn attaching_and_detaching() {
    holds(scenario::come_and_go);
}

#[test]
#[should_panic(expected = "deadlock")]
fn nobody_is_woken() {
    explore(Fault::NoNotify, scenario::one_caller);
}

#[test]
#[should_panic(expected = "deadlock")]
fn the_sleep_flag_is_read_before_the_word_is_stored() {
    explore(Fault::FlagReadFirst, scenario::one_caller);
}

#[test]
#[should_panic(expected = "deadlock")]
fn the_server_sets_its_flag_after_looking_again() {
    explore(Fault::ServerFlagLast, scenario::one_caller);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_caller_sets_its_flag_after_looking_again() {
    explore(Fault::CallerFlagLast, scenario::one_caller);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_wait_does_not_look_again() {
    explore(Fault::NoRecheck, scenario::one_caller);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn the_number_is_stored_before_what_it_announces() {
    explore(Fault::NumberFirst, scenario::one_caller);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn the_number_is_stored_without_an_order() {
    explore(Fault::RelaxedNumber, scenario::one_caller);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn the_number_is_seen_without_an_order() {
    explore(Fault::RelaxedLook, scenario::one_caller);
}

/// The server saw of one request that it was given up, and then the next. This was once so.
#[test]
#[should_panic(expected = "Replaced")]
fn giving_up_is_tied_to_no_request() {
    explore(Fault::GivesUpTheNext, scenario::deadline);
}

/// Why everything is sequentially consistent: the flag of one side and the word of the other need one order.
#[test]
#[should_panic(expected = "deadlock")]
fn acquire_and_release_would_not_do() {
    explore(Fault::AcquireRelease, scenario::one_caller);
}

#[test]
#[should_panic(expected = "deadlock")]
fn the_end_of_a_server_wakes_nobody() {
    explore(Fault::NoNotify, scenario::death);
}
